"""The edge: problems, idempotency, pages, preconditions, and the door through which every request comes."""
