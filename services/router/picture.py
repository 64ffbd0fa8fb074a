"""What the router knows without asking: operators' rules from its database, health from the broadcast. A decision waits for neither."""

import asyncio
from datetime import datetime, timedelta

from services.router.domain.board import Board
from services.router.domain.retry import Policy
from services.router.domain.rulebook import Rulebook
from shared.contracts import HealthPicture

OUTLIVED = timedelta(seconds=15)  # three leases of a leader: who speaks so long after another one is no leader before it


class Picture:
    """`changed` is set when another replica says that the rules have changed."""

    def __init__(self, rules: Rulebook | None = None) -> None:
        self._rules = rules or Rulebook()
        self.health: HealthPicture | None = None
        self.changed = asyncio.Event()
        self._board: Board | None = None

    @property
    def rules(self) -> Rulebook:
        return self._rules

    @rules.setter
    def rules(self, rules: Rulebook) -> None:
        if rules != self._rules:
            self._rules, self._board = rules, None

    def hear(self, body: bytes) -> None:
        """Raises ValueError for what is no picture; ignores one of an older leader.

        A lower epoch that goes on when the higher one has fallen silent is that of a database that began anew.
        """
        heard = HealthPicture.model_validate_json(body)
        known = self.health
        if known is not None and heard.epoch < known.epoch and heard.as_of < known.as_of + OUTLIVED:
            return
        self.health = heard
        if known is None or (known.gateways, known.breakers, known.arms) != (heard.gateways, heard.breakers, heard.arms):
            self._board = None
        elif self._board is not None:
            self._board.as_of = heard.as_of  # what is compiled stays good

    def hear_change(self, body: bytes) -> None:
        self.changed.set()

    def board(self, now: datetime) -> Board:
        """Everything compiled; anew where rules or picture have changed, or its time is over, or the picture has grown older."""
        if self._board is None or not self._board.good(now):
            rules = self._rules
            self._board = Board.of(
                rules.gateways, self.health, now=now, scoring=rules.scoring, experiments=rules.experiments, bandits=rules.bandits
            )
        return self._board

    def retry_policy(self, merchant_id: str, default: Policy) -> Policy:
        """The merchant's own, or the default."""
        own = self._rules.retries.get(merchant_id)
        return Policy(own.attempts_max, own.latency_budget_ms, own.enabled) if own else default
