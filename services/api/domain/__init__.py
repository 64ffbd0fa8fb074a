"""What the edge decides, as functions of their arguments."""
