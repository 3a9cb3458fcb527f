"""A season, played through the HTTP API of a running Pulang as the people of four agencies would enter it."""
