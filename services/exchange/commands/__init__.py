"""What is done in exchange."""
