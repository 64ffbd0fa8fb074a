"""What an answer means, as functions of their arguments."""
