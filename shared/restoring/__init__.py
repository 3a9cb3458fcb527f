"""A database that was restored, and is older than the bus: noticed, made whole again, and entered again."""
