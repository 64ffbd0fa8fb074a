"""What evidence proves, as functions of their arguments."""
