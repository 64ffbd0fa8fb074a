"""What is stored of a decision, and the same decision made again from it.

`{"row": …, "made": …}`. `row` is everything known of each gateway for this kind of payment, the same text for all payments of the kind
until the picture changes, so it is written once; `made` is the payment's own part. What has its default value is left out (so
defaults of Facts are part of the format): a record of three gateways stays at the 2 kB from which PostgreSQL compresses.
"""

from dataclasses import asdict, fields
from typing import Any

import orjson

from services.router.domain.candidate import Candidate, Facts, Figures, Place
from services.router.domain.decision import Decision, Wish, choose
from services.router.domain.factors import Factors
from services.router.domain.row import Loser, Row
from shared.contracts import Assignment
from shared.contracts.questions import ExperimentView


def record_of(decision: Decision) -> str:
    """JSON, exact: floats are written so that they are read as what they were."""
    row = decision.row
    if row.text is None:
        row.text = _row_text(row)
    made: dict[str, Any] = {
        "wish": _wish_json(decision.wish),
        "seed": f"{decision.seed:032x}",
        "age_s": decision.age_s,
        "gateway": decision.gateway,
        "reason": decision.reason,
        "probe": decision.probe,
        "epoch": decision.epoch,
        "places": [(one.candidate.name, one.reason, one.estimate) for one in decision.places],
        "losers": [tuple(one) for one in decision.losers],
    }
    if decision.experiment:
        made["experiment"] = decision.experiment.model_dump(mode="json", exclude_defaults=True)
        made["arm"] = decision.assignment.arm if decision.assignment else None
    return f'{{"row":{row.text},"made":{orjson.dumps(made).decode()}}}'


def read(record: str) -> Decision:
    """The decision as it was made, whatever the code would decide today."""
    stored = orjson.loads(record)
    made = stored["made"]
    row, wish, experiment = _inputs(stored)
    before = zip(row.candidates, stored["row"]["candidates"], strict=True)
    row.candidates = tuple(Candidate(one.facts, one.weights, Factors(*was["factors"]), was["score"]) for one, was in before)
    known = {one.name: one for one in row.candidates}
    assigned = None
    if experiment and made["arm"]:
        assigned = Assignment(experiment_id=experiment.experiment_id, arm=made["arm"], control_pct=experiment.control_pct)
    return Decision(
        gateway=made["gateway"],
        reason=made["reason"],
        places=tuple(Place(known[name], reason, estimate) for name, reason, estimate in made["places"]),
        losers=tuple(Loser(*one) for one in made["losers"]),
        probe=made["probe"],
        epoch=made["epoch"],
        assignment=assigned,
        policy=row.policy,
        segment=row.segment,
        wish=wish,
        row=row,
        seed=int(made["seed"], 16),
        experiment=experiment,
        age_s=made["age_s"],
    )


def replay(record: str, *, policy: str | None = None) -> Decision:
    """The decision made again from its own inputs; under another policy if one is named."""
    stored = orjson.loads(record)
    made = stored["made"]
    row, wish, experiment = _inputs(stored, policy)
    return choose(row, wish, int(made["seed"], 16), experiment=experiment, age_s=made["age_s"])


def _row_text(row: Row) -> str:
    candidates = [{"facts": _told(one.facts), "factors": list(asdict(one.factors).values()), "score": one.score} for one in row.candidates]
    known = {"policy": row.policy, "weights": row.weights, "segment": row.segment, "bandit": row.bandit, "candidates": candidates}
    return orjson.dumps(known).decode()


def _wish_json(wish: Wish) -> dict[str, Any]:
    return {**_told(wish), "tried": sorted(wish.tried)}


def _told(of: Facts | Figures | Wish) -> dict[str, Any]:
    """Its fields without those that have their default value."""
    values = {one.name: (getattr(of, one.name), one.default) for one in fields(of)}
    return {name: _told(value) if isinstance(value, Figures) else value for name, (value, default) in values.items() if value != default}


def _inputs(stored: dict[str, Any], policy: str | None = None) -> tuple[Row, Wish, ExperimentView | None]:
    row, made = stored["row"], stored["made"]
    facts = [Facts.read(one["facts"]) for one in row["candidates"]]
    bandit = row["bandit"] and policy is None
    again = Row.of(facts, policy=policy or row["policy"], weights=row["weights"], segment=row["segment"], bandit=bandit)
    wish = Wish(**{**made["wish"], "tried": frozenset(made["wish"]["tried"])})
    return again, wish, ExperimentView.model_validate(made["experiment"]) if made.get("experiment") else None
