"""Do the three promises hold while everything breaks? Real processes, a seeded nemesis, and a judge who believes only outsiders."""
