"""Builds the notifier from settings."""

from services.notifier import store
from services.notifier.answers import answers
from services.notifier.consumers import hears
from services.notifier.secrets import Secrets
from services.notifier.sender import Sender
from shared import runtime
from shared.settings import Settings

HOUR_S = 3600.0


class NotifierSettings(Settings):
    webhook_schedule_s: tuple[float, ...] = (
        0, 5, 300, 1800, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S,
    )  # fmt: skip
    webhook_allow_loopback: bool = False
    secrets_key: str


def build() -> runtime.Parts:
    settings = NotifierSettings()
    parts = runtime.build("notifier", settings, inbox=store.inbox, outbox=store.outbox)
    secrets = Secrets(settings.secrets_key)
    sender = Sender(
        parts.engine,
        parts.unit_of_work,
        secrets,
        schedule_s=settings.webhook_schedule_s,
        allow_loopback=settings.webhook_allow_loopback,
    )
    runtime.bind(parts, hears, given={"sender": sender})
    parts.on_start.append(sender.open)
    parts.after_stop.append(sender.close)
    parts.tasks["sender"] = sender.run
    runtime.answer(parts, answers, given={"engine": parts.engine})
    return parts
