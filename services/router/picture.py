"""What the router knows without asking: accounts from its database, health from the broadcast. A decision never waits for either."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.router.domain.selection import Gateway, Health
from shared.contracts import HealthPicture


class Picture:
    def __init__(self, gateways: Sequence[Gateway] = ()) -> None:
        self.gateways = tuple(gateways)
        self.health_picture: HealthPicture | None = None

    def hear(self, body: bytes) -> None:
        """Raises ValueError for what is no picture; ignores one of an older leader."""
        heard = HealthPicture.model_validate_json(body)
        if self.health_picture is None or heard.epoch >= self.health_picture.epoch:
            self.health_picture = heard

    def age_s(self, now: datetime) -> float | None:
        return (now - self.health_picture.as_of).total_seconds() if self.health_picture else None

    def health_of(self, method: str) -> Mapping[str, Health]:
        found: dict[str, Health] = defaultdict(lambda: Health(0, 0))
        for one in self.health_picture.gateways if self.health_picture else ():
            if one.method == method:
                found[one.gateway] = Health(one.attributable, one.succeeded)
        return found
