"""What every operator's change carries, and the names that stand in their paths."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.api.http.fields import Upper
from shared.contracts import Method

Reason = Annotated[str, Field(max_length=500, description="why; it is kept in the audit")]
Gateway = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$", examples=["alpha"])]
AnyCaseMethod = Annotated[Method, Upper]
NO_REASON = "no reason given"


class Change(BaseModel):
    """A misspelt field is an error, not a change that does not happen."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = NO_REASON


class Why(BaseModel):
    """For changes that have no body."""

    reason: Reason = NO_REASON


class GatewayPath(BaseModel):
    name: Gateway
