"""What every message carries, and the two things a message can be."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.clock import new_id, utc_now
from shared.ids import derived


class Frozen(BaseModel):
    """A part of a message. Unknown fields are ignored, so that an older reader survives a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Message(Frozen):
    """`kind` is type and version (`attempt.succeeded.v1`) and, with the gateway for some, the routing key.

    `correlation_id` is the payment's id; `causation_id` is the message that made a service say this one.
    """

    kind: str
    message_id: UUID = Field(default_factory=new_id)
    correlation_id: UUID
    causation_id: UUID | None = None
    occurred_at: datetime = Field(default_factory=utc_now)

    @classmethod
    def kind_of(cls) -> str:
        return str(cls.model_fields["kind"].default)

    @classmethod
    def caused_by(cls, cause: "Message", *, discriminator: str = "", **payload: Any) -> Self:
        """Derive the id from the cause, so that a handler that runs again says the same thing under the same id.

        `discriminator` is needed where one cause may say a kind more than once. A kind is said by one service per
        cause, which keeps the ids of two services that hear the same event apart.
        """
        return cls(
            message_id=derived(cause.message_id, cls.kind_of() + discriminator),
            correlation_id=cause.correlation_id,
            causation_id=cause.message_id,
            **payload,
        )


class Command(Message):
    """An order: imperative name, exactly one queue hears it."""


class Event(Message):
    """A fact: past-tense name, any number of queues hear it."""
