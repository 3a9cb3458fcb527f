"""Marked texts and numbers in every field of every route, and the search for them."""
