"""Requests and answers of intake."""
