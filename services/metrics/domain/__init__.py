"""What outcomes mean for a gateway's rate, as functions of their arguments."""
