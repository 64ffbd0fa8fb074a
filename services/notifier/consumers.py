"""Events the notifier owes to somebody."""

from services.notifier import store
from services.notifier.domain.owed import Told, body_of, delivery_id, event_type, owed_to, owner_of
from services.notifier.sender import LEASE_S, Sender
from services.notifier.store import Due
from shared import topology
from shared.contracts import AnyEndpointEvent, AnyMoneyEvent, AnyOperatorsEvent, AnyPaymentEvent
from shared.messaging.handlers import Hears
from shared.storage.unit_of_work import UnitOfWork
from shared.storage.work import Work

hears = Hears()


@hears(topology.NOTIFIER_EVENTS)
async def payment_changed(event: AnyPaymentEvent | AnyMoneyEvent, unit_of_work: UnitOfWork, sender: Sender) -> None:
    """The payment's merchant is told."""
    await _owe(event, unit_of_work, sender)


@hears(topology.NOTIFIER_OPERATORS)
async def operations_changed(event: AnyOperatorsEvent, unit_of_work: UnitOfWork, sender: Sender) -> None:
    """Operators are told."""
    await _owe(event, unit_of_work, sender)


@hears(topology.NOTIFIER_OPERATORS)
async def endpoint_changed(event: AnyEndpointEvent, unit_of_work: UnitOfWork, sender: Sender) -> None:
    """The owner of an endpoint that fails is told at their others."""
    await _owe(event, unit_of_work, sender)


async def _owe(event: Told, unit_of_work: UnitOfWork, sender: Sender) -> None:
    """One delivery per matching endpoint, leased to this process in the transaction that makes it, then sent at once; where the process
    has enough of that endpoint's in hand it is due in the table instead."""
    owed: list[Due] = []

    def change(work: Work) -> None:
        owed.clear()  # a change may run again
        name, body = event_type(event), body_of(event)
        for endpoint in owed_to(event, store.read_endpoints(work, owner_of(event))):
            named = delivery_id(event.message_id, endpoint.endpoint_id)
            lease_s = LEASE_S if sender.has_room(endpoint.endpoint_id) else 0.0
            due = store.owe(work, event, endpoint, delivery_id=named, event_name=name, body=body, lease_s=lease_s)
            if due:
                owed.append(due)

    await unit_of_work.once(event, change, loads=store.endpoints_of(event))
    sender.offer(owed)
