"""HTTP: the typed layer, who calls, what they send, and the routes."""
