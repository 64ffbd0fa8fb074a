"""Whom to tell, how it is signed, when to try again: functions of their arguments."""
