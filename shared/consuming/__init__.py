"""Hearing what others say: one transaction per batch, an inbox of marks, and a place for what cannot be taken in."""
