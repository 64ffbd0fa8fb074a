"""What code may not reach for: the clock, chance, the terminal, the broker; and the few places that may."""

import ast
from collections import defaultdict

from tests.tidy.tree import modules, none_of, references

HIDDEN_INPUTS = (
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "uuid.uuid1",
    "uuid.uuid4",
)
HIDDEN_MODULES = ("time.", "random.")
MAY_ASK = {
    "shared/clock.py": {"datetime.datetime.now", "time.monotonic"},
    "services/executor/calls.py": {"time.perf_counter"},  # a latency
    "services/notifier/sender.py": {"time.perf_counter", "random.random"},  # a latency; the jitter's draw, handed to the domain
}
MAY_READ_THE_ENVIRONMENT = {
    "shared/accounts.py",  # fills `${NAME}` in gateways.toml
    "shared/messaging/redrive.py",  # a command
    "shared/storage/migrate.py",  # a command
    "shared/topology/__main__.py",  # a command
}
SLEEPS = {"asyncio.sleep", "time.sleep"}
MAY_PUBLISH = {
    "shared/messaging/relay.py",
    "shared/messaging/broadcast.py",
    "shared/messaging/ask.py",
    "shared/messaging/answers.py",
    "shared/messaging/redrive.py",  # an operator's command: it gives the broker back what the broker holds
}


def test_only_the_clock_reads_the_time_and_only_the_sender_draws() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for name, tree in modules("services/", "shared/").items():
        found[name] |= {one for _, one in references(tree) if one in HIDDEN_INPUTS or one.startswith(HIDDEN_MODULES)}
    assert {name: ones for name, ones in found.items() if ones} == MAY_ASK


def test_only_commands_read_the_environment_by_themselves() -> None:
    found = {
        name
        for name, tree in modules("services/", "shared/").items()
        for _, one in references(tree)
        if one.startswith(("os.environ", "os.getenv"))
    }
    assert found == MAY_READ_THE_ENVIRONMENT


def test_nothing_prints_but_commands_of_deploy() -> None:
    found = [
        f"{name}:{line}"
        for name, tree in modules("services/", "shared/", "tests/").items()
        for line, one in references(tree)
        if one == "print"
    ]
    none_of(found)


def test_no_handler_sleeps() -> None:
    """Waiting in a handler holds an envelope unacknowledged: business waiting is a row with `due_at`."""
    handlers = {name: tree for name, tree in modules("services/").items() if name.endswith("/consumers.py")}
    assert len(handlers) == 6
    none_of(f"{name}:{line}" for name, tree in handlers.items() for line, one in references(tree) if one in SLEEPS)


def test_nobody_publishes_but_relay_broadcast_and_request_and_reply() -> None:
    """`work.publish` writes an outbox row; every other `publish` speaks to the broker past it."""
    found = {
        name
        for name, tree in modules("services/", "shared/").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "publish"
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "work")
    }
    assert found == MAY_PUBLISH


def test_asserts_only_narrow_a_type() -> None:
    """`python -O` drops them, so none may decide anything: only `assert x is not None`."""
    strange = [
        f"{name}:{node.lineno}"
        for name, tree in modules("services/", "shared/", "deploy/").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) and not (isinstance(node.test, ast.Compare) and isinstance(node.test.ops[0], ast.IsNot))
    ]
    none_of(strange)
