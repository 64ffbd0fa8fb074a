"""The broadcast picture of how gateways do: transient, repeated every second, heard by every router and executor."""

from datetime import datetime
from typing import Literal

from shared.contracts.base import Frozen


class GatewayHealth(Frozen):
    """Over the last five minutes. `attributable` leaves out what is not the gateway's fault (user declines, fraud blocks)."""

    gateway: str
    method: str
    attributable: int
    succeeded: int


class HealthPicture(Frozen):
    """`epoch` grows with every new metrics leader; a router ignores a picture of an older one."""

    kind: Literal["health.picture.v1"] = "health.picture.v1"
    epoch: int
    as_of: datetime
    gateways: tuple[GatewayHealth, ...]
