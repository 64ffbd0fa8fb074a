"""Routing decisions as functions of their arguments. No I/O, no clock, no randomness of their own."""
