"""Builds the executor from settings. `PAYMESH_EXECUTOR_GATEWAYS` names the accounts this process serves; empty means all."""

from pathlib import Path
from typing import Annotated

from pydantic import field_validator
from pydantic_settings import NoDecode

from services.executor import store
from services.executor.answers import answers
from services.executor.consumers import hears, sweep_overdue
from services.executor.desk import REFRESH_S, Desk
from services.executor.domain.classes import Classes
from services.executor.gateways import Gateways
from services.executor.queries import Queries
from shared import accounts, runtime
from shared.sealing import Opener, load_keys
from shared.settings import Settings, Waiting
from shared.storage.sweeper import Sweeper


class ExecutorSettings(Settings):
    unsealing_keys_file: Path
    executor_gateways: Annotated[tuple[str, ...], NoDecode] = ()

    @field_validator("executor_gateways", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def build() -> runtime.Parts:
    settings, waiting = ExecutorSettings(), Waiting()
    parts = runtime.build("executor", settings, inbox=store.inbox, outbox=store.outbox)
    known = {account.name: account for account in accounts.load(settings.gateways_file)}
    if strange := [name for name in settings.executor_gateways if name not in known]:
        raise SystemExit(f"PAYMESH_EXECUTOR_GATEWAYS: no account {', '.join(strange)} in {settings.gateways_file}")
    served = [known[name] for name in settings.executor_gateways or known]
    classes = Classes()
    gateways, desk = Gateways(served, timeout_ms=waiting.gateway_timeout_ms, classes=classes), Desk(parts.engine, classes)
    opener = Opener(load_keys(settings.unsealing_keys_file))
    given = {"gateways": gateways, "opener": opener, "waiting": waiting, "queries": Queries(parts.engine)}
    runtime.bind(parts, hears, gateways=[account.name for account in served], given=given)
    sweeper = Sweeper(
        parts.engine, parts.writer, take=store.TAKE_OVERDUE, sweep=sweep_overdue, said=parts.relay.offer, every_s=waiting.sweep_every_s
    )
    parts.tasks["sweeper"] = sweeper.run
    parts.tasks["classes"] = runtime.every(REFRESH_S, desk.load)
    parts.on_start += [desk.load, gateways.open]
    parts.after_stop.append(gateways.close)
    runtime.answer(parts, answers, given={"desk": desk, "queries": given["queries"]})
    return parts
