"""The mesh as an AsyncAPI 3.0 document, from the data that declares it. A pure function of that data, so it cannot lag behind.

Two kinds of channels: what a service says goes to a routing key of an exchange; what it hears comes out of a queue, which is bound to
some of these keys. Names of gateway accounts are a parameter, so the document is the same for every mesh, and says nothing about one.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, TypeAdapter

from shared import contracts as say
from shared import topology
from shared.contracts import Frozen, questions
from shared.contracts.questions import Answer, Question
from shared.topology import Inlet

Node = dict[str, Any]
ITEMS_MAX = 50  # contracts of one kind in one AMQP message
BROADCASTS: dict[str, tuple[type[Frozen], str, str]] = {  # routing key → what, who says it, who hears it
    "health.picture": (say.HealthPicture, "metrics", "router"),
    "routing.changed": (say.RoutingChanged, "router", "router"),
}
ASKS = "api"  # the one service that asks others
BINDING = "0.3.0"
GATEWAY: Node = {"gateway": {"description": "a gateway account's name; each has a queue of its own"}}
REPLIES = "replies"
SERVICES = tuple(topology.SAYS)


def asyncapi(version: str) -> Node:
    """`version` is the API's."""
    kinds = every_kind()
    asked = every_question()
    pictures = [what for what, _, _ in BROADCASTS.values()]
    models: list[type[BaseModel]] = [*kinds, *asked, *pictures, Answer]
    schemas, definitions = generate(models)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "paymesh: the mesh",
            "version": version,
            "description": "What six services say to each other over one broker. "
            "An AMQP message is a JSON array of 1 to 50 contracts of one kind; "
            "a question, an answer and a broadcast are one object each.",
            "license": {"name": "MIT"},
            "tags": [{"name": service} for service in SERVICES],
        },
        "servers": {"broker": {"host": "localhost:5672", "protocol": "amqp", "protocolVersion": "0.9.1", "description": "RabbitMQ 4"}},
        "defaultContentType": "application/json",
        "channels": {**keys(kinds), **queues(), **broadcasts(), **question_queues(asked)},
        "operations": {**says(), **hears(), **told_at_large(), **asks(asked)},
        "components": {
            "messages": {name_of(model): message(model, schemas, wrapped=model in kinds) for model in models},
            "schemas": definitions,
        },
    }


def every_kind() -> list[type[say.Message]]:
    """All that is said or heard, in the order in which it is declared."""
    said = [kind for kinds in topology.SAYS.values() for kind in kinds]
    heard = [kind for inlet in topology.TEMPLATES for kind in inlet.hears]
    return list(dict.fromkeys([*said, *heard]))


def every_question() -> list[type[Question]]:
    found = (getattr(questions, name) for name in questions.__all__)
    return [one for one in found if isinstance(one, type) and issubclass(one, Question) and one is not Question]


def name_of(model: type[BaseModel]) -> str:
    kind = model.model_fields.get("kind")
    return str(kind.default) if kind is not None else model.__name__


def generate(models: Iterable[type[BaseModel]]) -> tuple[dict[str, Node], Node]:
    """→ schema by name, and the parts that they share."""
    wanted = [(name_of(model), "serialization", TypeAdapter(model)) for model in models]
    made, rest = TypeAdapter.json_schemas(wanted, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    return {str(name): schema for (name, _), schema in made.items()}, dict(rest.get("$defs", {}))


def message(model: type[BaseModel], schemas: dict[str, Node], *, wrapped: bool) -> Node:
    schema = schemas[name_of(model)]
    payload = {"type": "array", "minItems": 1, "maxItems": ITEMS_MAX, "items": schema} if wrapped else schema
    told = " ".join((model.__doc__ or "").split())
    return {"name": name_of(model), "title": model.__name__, "summary": told.partition(". ")[0], "description": told, "payload": payload}


def listed(names: Iterable[str]) -> Node:
    return {"messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names}}


def messages_of(channel: str, names: Iterable[str]) -> list[Node]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]


def exchange(name: str) -> Node:
    return {"name": name, "type": "direct" if name in (topology.COMMANDS, topology.DEAD) else "topic", "durable": True, "autoDelete": False}


def routed(address: str, over: str) -> Node:
    return {"address": address, "bindings": {"amqp": {"is": "routingKey", "exchange": exchange(over), "bindingVersion": BINDING}}}


def queued(address: str | None, *, lasting: bool) -> Node:
    """`address` None: each replica has one, of a name of its own, which ends with it."""
    queue: Node = {"durable": lasting, "exclusive": not lasting, "autoDelete": not lasting}
    named = {"name": address} if address else {}
    return {"address": address, "bindings": {"amqp": {"is": "queue", "queue": named | queue, "bindingVersion": BINDING}}}


def keys(kinds: Iterable[type[say.Message]]) -> Node:
    by_gateway = {kind for inlet in topology.TEMPLATES if inlet.gateway for kind in inlet.hears}
    made: Node = {}
    for kind in kinds:
        name = kind.kind_of()
        made[name] = routed(f"{name}.{{gateway}}" if kind in by_gateway else name, topology.exchange_of(kind)) | listed([name])
        if kind in by_gateway:
            made[name]["parameters"] = GATEWAY
    return made


def queues() -> Node:
    made: Node = {}
    for inlet in topology.TEMPLATES:
        names = [kind.kind_of() for kind in inlet.hears]
        apart = {"parameters": GATEWAY} if inlet.gateway else {}
        made[inlet.queue] = {
            **queued(address_of(inlet), lasting=True),
            **listed(names),
            **apart,
            "description": f"Quorum queue; at most {inlet.prefetch} messages in the hands of one consumer.",
            "x-bound-to": [{"$ref": f"#/channels/{name}"} for name in names],
            "x-queue-type": "quorum",
            "x-delivery-limit": topology.DELIVERY_LIMIT,
            "x-prefetch": inlet.prefetch,
            "x-dead-letters": {"$ref": f"#/channels/{inlet.dead_queue}"},
        }
        made[inlet.dead_queue] = {
            **queued(f"{address_of(inlet)}.dead", lasting=True),
            **listed(names),
            **apart,
            "description": f"What {inlet.queue} could not handle, by way of the exchange {topology.DEAD}. Nobody consumes it: "
            "an operator looks, and redrives.",
            "x-queue-type": "quorum",
        }
    return made


def address_of(inlet: Inlet) -> str:
    return f"{inlet.queue}.{{gateway}}" if inlet.gateway else inlet.queue


def broadcasts() -> Node:
    return {key: routed(key, topology.BROADCAST) | listed([name_of(what)]) for key, (what, _, _) in BROADCASTS.items()}


def question_queues(asked: Iterable[type[Question]]) -> Node:
    by_owner = {owner: [one.kind_of() for one in asked if one.owner == owner] for owner in topology.ANSWER}
    made = {
        topology.questions_of(owner): queued(topology.questions_of(owner), lasting=True) | listed(names)
        for owner, names in by_owner.items()
    }
    return made | {REPLIES: queued(None, lasting=False) | listed([Answer.__name__])}


def operation(action: str, service: str, channel: str, names: Iterable[str], *, lasting: bool = True) -> Node:
    binding = {"deliveryMode": 2 if lasting else 1, "mandatory": lasting} if action == "send" else {"ack": lasting}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "tags": [{"name": service}],
        "messages": messages_of(channel, names),
        "bindings": {"amqp": binding | {"bindingVersion": BINDING}},
    }


def says() -> Node:
    return {
        f"{service}.says.{kind.kind_of()}": operation("send", service, kind.kind_of(), [kind.kind_of()])
        for service, kinds in topology.SAYS.items()
        for kind in kinds
    }


def hears() -> Node:
    return {
        f"{topology.service_of(inlet)}.hears.{inlet.queue}": operation(
            "receive", topology.service_of(inlet), inlet.queue, [kind.kind_of() for kind in inlet.hears]
        )
        for inlet in topology.TEMPLATES
    }


def told_at_large() -> Node:
    """Broadcasts, and what every replica of the edge hears for the merchants that wait at it: transient, each in its own queue."""
    made: Node = {}
    for key, (what, speaker, hearer) in BROADCASTS.items():
        made[f"{speaker}.broadcasts.{key}"] = operation("send", speaker, key, [name_of(what)], lasting=False)
        made[f"{hearer}.follows.{key}"] = operation("receive", hearer, key, [name_of(what)], lasting=False)
    for kind in (*say.EVENT_OF.values(), *say.MONEY_EVENTS):
        made[f"{ASKS}.follows.{kind.kind_of()}"] = operation("receive", ASKS, kind.kind_of(), [kind.kind_of()], lasting=False)
    return made


def asks(asked: Iterable[type[Question]]) -> Node:
    made: Node = {}
    answer = messages_of(REPLIES, [Answer.__name__])
    for one in asked:
        queue = topology.questions_of(one.owner)
        reply = {"channel": {"$ref": f"#/channels/{REPLIES}"}, "messages": answer}
        reply |= {"address": {"location": "$message.header#/reply_to", "description": "AMQP's own property `reply_to`"}}
        for service, action, verb in ((ASKS, "send", "asks"), (one.owner, "receive", "answers")):
            made[f"{service}.{verb}.{one.kind_of()}"] = operation(action, service, queue, [one.kind_of()], lasting=False) | {"reply": reply}
    return made
