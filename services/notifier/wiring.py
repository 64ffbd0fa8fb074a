"""Builds the notifier from settings."""

from pydantic import AliasChoices, Field

from services.notifier import store
from services.notifier.answers import answers
from services.notifier.consumers import hears
from services.notifier.desk import Desk
from services.notifier.secrets import Secrets
from services.notifier.sender import Sender
from shared import runtime
from shared.settings import Settings

HOUR_S = 3600.0
TEST_SCHEDULE_S = (0.0, 5.0, 10.0, 15.0, 20.0)


class NotifierSettings(Settings):
    webhook_schedule_s: tuple[float, ...] = (
        0, 5, 300, 1800, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S,
    )  # fmt: skip
    webhook_retry_intervals_test: bool = Field(
        False, validation_alias=AliasChoices("PAYMESH_WEBHOOK_RETRY_INTERVALS_TEST", "WEBHOOK_RETRY_INTERVALS_TEST")
    )
    webhook_allow_loopback: bool = False
    delivery_keep_days: int = Field(30, ge=7)
    secrets_key: str

    @property
    def schedule_s(self) -> tuple[float, ...]:
        """In seconds instead of days, where a merchant's handling of repeats is tried out."""
        return TEST_SCHEDULE_S if self.webhook_retry_intervals_test else self.webhook_schedule_s


def build() -> runtime.Parts:
    settings = NotifierSettings()
    parts = runtime.build("notifier", settings, inbox=store.inbox, outbox=store.outbox)
    secrets = Secrets(settings.secrets_key)
    sender = Sender(
        parts.engine,
        parts.unit_of_work,
        secrets,
        schedule_s=settings.schedule_s,
        allow_loopback=settings.webhook_allow_loopback,
    )
    runtime.bind(parts, hears, given={"sender": sender})
    parts.on_start.append(sender.open)
    parts.after_stop.append(sender.close)
    parts.tasks["sender"] = sender.run
    parts.tasks["forgetting"] = runtime.every(store.PRUNE_EVERY_S, lambda: store.prune(parts.engine, keep_days=settings.delivery_keep_days))
    desk = Desk(parts.engine, allow_loopback=settings.webhook_allow_loopback)
    runtime.answer(parts, answers, given={"engine": parts.engine, "desk": desk, "secrets": secrets})
    return parts
