"""Gateway accounts: what is configured of them."""

from services.router import desk as sql
from services.router import store, tables
from services.router.answers.register import answers, missing, valid, wrong
from services.router.desk import Desk
from shared.contracts.money import BUCKETS
from shared.contracts.questions import ChangeGateway, GatewayView, ListGateways


@answers
async def list_gateways(question: ListGateways, desk: Desk) -> list[GatewayView]:
    return [GatewayView.model_validate(row) for row in await desk.rows(store.GATEWAYS)]


@answers
async def change_gateway(question: ChangeGateway, desk: Desk) -> GatewayView:
    if strange := sorted(question.changes.keys() - (GatewayView.model_fields.keys() - {"name"})):
        wrong(f"{', '.join(strange)}: no field of a gateway that can be changed")
    async with desk.changing(question, "change_gateway", question.name) as change:
        row = await change.row(f"{sql.GATEWAY} FOR UPDATE", name=question.name)
        if row is None:
            missing("gateway", question.name)
        before = GatewayView.model_validate(row)
        after = valid(lambda: GatewayView.model_validate({**before.model_dump(), **question.changes}))
        check(after)
        if after != before:
            await change.save(tables.gateways, **after.model_dump(mode="json"))
            change.note(before, after)
    return after


def check(view: GatewayView) -> None:
    """What the fields' types do not say."""
    if not view.methods or not view.currencies:
        wrong("methods, currencies: at least one of each; `enabled: false` takes an account out")
    if not 0 <= view.amount_minor_min <= view.amount_minor_max:
        wrong("amount_minor_min: at least 0 and at most amount_minor_max")
    if strange := sorted(view.amount_fit.keys() - set(BUCKETS)):
        wrong(f"amount_fit: {', '.join(strange)} is none of {', '.join(BUCKETS)}")
    if not all(0 <= hour < 24 for hour in view.time_factor):
        wrong("time_factor: hours are 0 to 23, UTC")
    if len({fee.method for fee in view.fees}) < len(view.fees):
        wrong("fees: one for each method, and one without method for the rest")
    for window in view.maintenance:
        if window.starts_at.tzinfo is None or window.ends_at.tzinfo is None or window.starts_at >= window.ends_at:
            wrong("maintenance: starts_at and ends_at carry a time zone, and one comes before the other")
    if len(view.maintenance) > sql.WINDOWS_MAX:
        wrong(f"maintenance: at most {sql.WINDOWS_MAX} windows; drop those that are over")
