"""Erasing a person: what a service deletes, and the destruction of the keys that sealed the rest (decision 17)."""
