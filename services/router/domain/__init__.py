"""Routing decisions as functions of their arguments. No I/O, no clock, no randomness of their own.

`Board.of(gateways, health picture, now=…, scoring=…)` compiles what is known, `decide(board, wish, draw, now)` chooses, `record_of` writes
down what was decided and from what, `replay` decides again from that. An order of candidates is a `candidate.Policy`, by its name in
`policy.POLICIES`.
"""
