"""What takes a whole cluster: one is made for all of it."""
