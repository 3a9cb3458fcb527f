"""What can be done in exchange."""
