"""What really happened: unknown outcomes are asked about until they are known.

Hears    attempt.unknown, attempt.observed, attempt.doubted, attempt.expired
Decides  is it settled, when to ask again
Says     attempt.lookup, attempt.verified
Owns     verifications
"""
