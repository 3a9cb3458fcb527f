"""Migrations of the tables that every service has; each service calls them from a revision of its own."""
