"""`pulang agencies`: an agency joins the exchange, or leaves it, with all that belongs to it."""

from pulang.agencies.command import add_agency, list_agencies, remove_agency

__all__ = ["add_agency", "list_agencies", "remove_agency"]
