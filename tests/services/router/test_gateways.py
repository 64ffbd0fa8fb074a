"""Operators change an account: what is right is stored, audited and gone by; what is wrong changes nothing."""

from typing import Any

import pytest

from services.router.answers.gateways import change_gateway, list_gateways
from shared.contracts.questions import ChangeGateway, FeeView, GatewayView, ListGateways
from shared.messaging.answers import Refused
from tests.services.router.conftest import Office


def change(account: str = "alpha", **changes: Any) -> ChangeGateway:
    return ChangeGateway(name=account, changes=changes, actor="asha", reason="because")


async def listed(office: Office) -> dict[str, GatewayView]:
    return {one.name: one for one in await list_gateways(ListGateways(), office.desk)}


async def test_accounts_of_the_file_are_there_as_they_were_configured(office: Office) -> None:
    found = await listed(office)
    assert list(found) == ["alpha", "beta"]
    assert (found["beta"].priority, found["beta"].methods, found["beta"].enabled, found["beta"].fees) == (1, ("UPI", "CARD"), True, ())


EVERYTHING: dict[str, Any] = {
    "methods": ["CARD"],
    "currencies": ["INR", "USD"],
    "priority": 7,
    "amount_minor_min": 10,
    "amount_minor_max": 20,
    "enabled": False,
    "bank": "HDFC",
    "method_affinity": {"CARD": 0.9},
    "bank_affinity": {"SBI": 0.1},
    "amount_fit": {"<50000": 0.3},
    "time_factor": {"3": 0.4},
    "fees": [{"method": "CARD", "rate": 0.02, "fixed_minor": 300}],
    "maintenance": [{"method": None, "starts_at": "2026-01-05T01:00:00Z", "ends_at": "2026-01-05T02:00:00Z", "reason": "disks"}],
}


async def test_every_field_can_be_changed_and_is_what_decisions_go_by(office: Office) -> None:
    assert EVERYTHING.keys() == GatewayView.model_fields.keys() - {"name"}
    after = await change_gateway(change(**EVERYTHING), office.desk)
    assert after.fees == (FeeView(method="CARD", rate=0.02, fixed_minor=300),)
    assert after.time_factor == {3: 0.4}
    assert (await listed(office))["alpha"] == after
    assert office.picture.rules.gateways[0] == after
    assert (office.announced, await office.audited()) == (["change_gateway"], [("asha", "change_gateway", "alpha", "because")])


async def test_the_audit_says_what_was_and_what_is(office: Office) -> None:
    await change_gateway(change(enabled=False), office.desk)
    (row,) = await office.database.rows("SELECT before, after FROM audit")
    before, after = row.before, row.after
    assert (before["enabled"], after["enabled"]) == (True, False)
    assert {**before, "enabled": False} == after


async def test_what_changes_nothing_is_no_change(office: Office) -> None:
    await change_gateway(change(enabled=True, priority=0), office.desk)
    assert (office.announced, await office.audited()) == ([], [])


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"name": "omega"}, "VALIDATION_ERROR", "name"),
        ({"colour": "red"}, "VALIDATION_ERROR", "colour"),
        ({"priority": "first"}, "VALIDATION_ERROR", "priority"),
        ({"methods": []}, "VALIDATION_ERROR", "at least one"),
        ({"methods": ["CASH"]}, "VALIDATION_ERROR", "methods.0"),
        ({"amount_minor_min": 10, "amount_minor_max": 5}, "VALIDATION_ERROR", "amount_minor_min"),
        ({"method_affinity": {"UPI": 1.5}}, "VALIDATION_ERROR", "method_affinity.UPI"),
        ({"amount_fit": {"<7": 0.5}}, "VALIDATION_ERROR", "amount_fit"),
        ({"time_factor": {"24": 0.5}}, "VALIDATION_ERROR", "hours"),
        ({"fees": [{"rate": 1.0}]}, "VALIDATION_ERROR", "fees.0.rate"),
        ({"fees": [{"fixed_minor": 2**53}]}, "VALIDATION_ERROR", "fees.0.fixed_minor"),
        ({"fees": [{"method": "UPI", "rate": 0.01}, {"method": "UPI", "rate": 0.02}]}, "VALIDATION_ERROR", "one for each method"),
        ({"maintenance": [{"starts_at": "2026-01-05T02:00:00Z", "ends_at": "2026-01-05T02:00:00Z"}]}, "VALIDATION_ERROR", "maintenance"),
        ({"maintenance": [{"starts_at": "2026-01-05T01:00:00", "ends_at": "2026-01-05T02:00:00"}]}, "VALIDATION_ERROR", "time zone"),
    ],
)
async def test_what_is_wrong_changes_nothing(office: Office, changes: dict[str, Any], code: str, said: str) -> None:
    before = await listed(office)
    with pytest.raises(Refused) as refused:
        await change_gateway(change(**{"enabled": False, **changes}), office.desk)
    assert refused.value.complaint.code == code
    assert said in refused.value.complaint.message
    assert (await listed(office), await office.audited(), office.announced) == (before, [], [])


async def test_an_account_that_does_not_exist(office: Office) -> None:
    with pytest.raises(Refused) as refused:
        await change_gateway(change("omega", enabled=False), office.desk)
    assert refused.value.complaint.code == "NOT_FOUND"


async def test_a_change_and_its_audit_stand_or_fall_together(office: Office) -> None:
    await office.database.rows("ALTER TABLE audit ADD CONSTRAINT nobody CHECK (actor <> 'asha') NOT VALID")
    try:
        with pytest.raises(Exception, match="nobody"):
            await change_gateway(change(enabled=False), office.desk)
    finally:
        await office.database.rows("ALTER TABLE audit DROP CONSTRAINT nobody")
    assert (await listed(office))["alpha"].enabled
    assert office.announced == []
