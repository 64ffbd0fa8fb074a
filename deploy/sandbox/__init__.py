"""Stand-ins for the outside world in one process: gateway accounts that misbehave on command, and a shop that receives webhooks."""
