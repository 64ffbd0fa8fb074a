"""Builds the verifier from settings. Ladder and grace are JSON: `PAYMESH_VERIFICATION_LADDER_S=[2,10,30]`."""

from services.verifier import store
from services.verifier.consumers import ask, hears
from services.verifier.domain.verdict import Patience
from shared import runtime
from shared.settings import Settings
from shared.storage.sweeper import Sweeper


class VerifierSettings(Settings):
    verification_ladder_s: tuple[float, ...] = (2, 10, 30, 120, 300, 900, 3_600, 21_600, 86_400)
    not_found_grace_s: float = 120.0
    verification_sweep_every_s: float = 0.25


def build() -> runtime.Parts:
    settings = VerifierSettings()
    parts = runtime.build("verifier", settings, inbox=store.inbox, outbox=store.outbox)
    patience = Patience(settings.verification_ladder_s, settings.not_found_grace_s)
    runtime.bind(parts, hears, given={"patience": patience})
    sweeper = Sweeper(
        parts.engine, parts.writer, take=store.TAKE_DUE, sweep=ask, said=parts.relay.offer, every_s=settings.verification_sweep_every_s
    )
    parts.tasks["sweeper"] = sweeper.run
    return parts
