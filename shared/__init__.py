"""What every service stands on, and nothing that belongs to one of them."""
