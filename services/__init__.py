"""Six services that share contracts and never code."""
