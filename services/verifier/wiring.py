"""Builds the verifier from settings. Ladder and grace are JSON: `PAYMESH_VERIFICATION_LADDER_S=[2,10,30]`."""

from collections.abc import Iterable

from pydantic import Field

from services.verifier import ledger, reconciliation, store
from services.verifier.answers import answers
from services.verifier.consumers import ask, hears
from services.verifier.domain.verdict import Patience, Patiences
from services.verifier.queries import Queries
from shared import accounts, runtime
from shared.accounts import Account
from shared.settings import Settings
from shared.storage.sweeper import Sweeper


class VerifierSettings(Settings):
    verification_ladder_s: tuple[float, ...] = (2, 10, 30, 120, 300, 900, 3_600, 21_600, 86_400)
    not_found_grace_s: float = 120.0
    verification_sweep_every_s: float = 0.25
    reconcile_every_s: float = Field(300.0, ge=0)  # 0: only when an operator says so


def build() -> runtime.Parts:
    settings = VerifierSettings()
    parts = runtime.build("verifier", settings, inbox=store.inbox, outbox=store.outbox)
    known = accounts.load(settings.gateways_file)
    runtime.bind(parts, hears, given={"patiences": patiences(settings, known)})
    queries, names = Queries(parts.engine), [account.name for account in known]
    every_s = settings.verification_sweep_every_s
    sweepers = {"sweeper": Sweeper(parts.engine, parts.writer, take=store.TAKE_DUE, sweep=ask, said=parts.relay.offer, every_s=every_s)}
    sweepers["unanswered"] = Sweeper(
        parts.engine, parts.writer, take=ledger.TAKE_UNANSWERED, sweep=reconciliation.ask_again, said=parts.relay.offer, every_s=5.0
    )
    if settings.reconcile_every_s:
        sweepers["reconciliation"] = Sweeper(
            parts.engine,
            parts.writer,
            take=ledger.TAKE_DUE,
            sweep=reconciliation.start_due,
            said=parts.relay.offer,
            every_s=min(5.0, settings.reconcile_every_s / 2),
            due_every_s=settings.reconcile_every_s,
            gateways=names,
        )
    for name, sweeper in sweepers.items():
        parts.tasks[name] = sweeper.run
    parts.on_start.append(lambda: queries.schedule(names))
    runtime.answer(parts, answers, given={"queries": queries, "unit_of_work": parts.unit_of_work, "gateways": frozenset(names)})
    return parts


def patiences(settings: VerifierSettings, known: Iterable[Account]) -> Patiences:
    """The settings' ladder and grace, and an account's own where `gateways.toml` gives it one."""
    default = Patience(settings.verification_ladder_s, settings.not_found_grace_s)
    own = {
        account.name: Patience(account.ladder_s or default.ladder_s, default.grace_s if account.grace_s is None else account.grace_s)
        for account in known
        if account.ladder_s is not None or account.grace_s is not None
    }
    return Patiences(default, own)
