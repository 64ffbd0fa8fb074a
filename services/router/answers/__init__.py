"""What the router answers: a function per question of `shared.contracts.questions.router`. Who changes something is written down."""

from services.router.answers import decisions, experiments, gateways, rules
from services.router.answers.register import answers

__all__ = ["answers", "decisions", "experiments", "gateways", "rules"]
