"""The goods: stores, donations, the ledger, requests and shipments between stores, issue to a person."""
