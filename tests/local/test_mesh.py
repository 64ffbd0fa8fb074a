"""The mesh, start to stop, with stand-ins for every program of it."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from deploy.local import prepare, watch
from deploy.local.errors import InstanceBusy, LocalError, StartFailed
from deploy.local.instance import RUNNER_RECORD
from deploy.local.leftovers import end_programs, remove, wipe
from deploy.local.mesh import Mesh
from deploy.local.process import Identity
from deploy.local.progress import Step
from deploy.local.servers.given import Given
from deploy.local.web import call
from tests.local.checkout import commands, make_checkout
from tests.local.waiting import until

SERVICES = ("api", "router", "notifier")  # three show what six would


class Standing(Given):
    """A server that answers without being there; its data are a folder, so that what was prepared can be noted."""

    def __init__(self, name: str, url: str, home: Path) -> None:
        super().__init__(name, url, "no setting")
        self.home = home

    def start(self, timeout_s: float = 0) -> None:
        self.home.mkdir(exist_ok=True) if self.home else None


class Bench:
    """Builds meshes on one folder and one checkout of stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.root = make_checkout(folder / "checkout", SERVICES)
        self.folder = folder / "instance"
        self.created: list[str] = []
        self.said: list[str] = []
        self.meshes: list[Mesh] = []

    def mesh(
        self,
        settings: Mapping[str, str] | None = None,
        overrides: Mapping[str, Mapping[str, str]] | None = None,
        ready_timeout_s: float = 90.0,
    ) -> Mesh:
        postgres = Standing("postgres", "postgresql://me:secret@127.0.0.1:5432/postgres", self.folder / "postgres")
        rabbitmq = Standing("rabbitmq", "amqp://me:secret@127.0.0.1:5672/", self.folder / "rabbitmq")
        mesh = Mesh(
            self.folder,
            settings,
            SERVICES,
            overrides=overrides,
            notice=self.said.append,
            servers=(postgres, rabbitmq),
            root=self.root,
            ready_timeout_s=ready_timeout_s,
        )
        self.meshes.append(mesh)
        return mesh

    @staticmethod
    def lose(mesh: Mesh) -> None:
        """As if its runner had been killed: nobody watches, the lock is free, and everything else is as it was."""
        assert mesh._watch is not None
        mesh._watch.close()
        mesh._hold.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    found = Bench(tmp_path)
    monkeypatch.setattr(prepare, "create_databases", lambda _, names: found.created.extend(names))
    monkeypatch.setattr(watch, "FIRST_DELAY_S", 0.01)
    yield found
    for mesh in found.meshes:
        mesh.abandon()
        mesh.stop()


@pytest.fixture
def running(bench: Bench) -> Mesh:
    mesh = bench.mesh()
    mesh.start()
    return mesh


def test_everything_is_prepared_before_the_services_start(bench: Bench, running: Mesh) -> None:
    assert bench.created == [f"paymesh_{name}" for name in SERVICES]
    asked = commands(bench.root)
    for name in SERVICES:
        assert f"shared.storage.migrate {name} upgrade" in asked
    assert "shared.topology declare" in asked
    assert asked.index(f"services.api.seed {bench.folder}/seed.json") > asked.index("shared.storage.migrate api upgrade")
    assert any(line.startswith("shared.sealing generate --public") for line in asked)


def test_the_status_tells_where_everything_is(bench: Bench, running: Mesh) -> None:
    status = running.status()
    assert status.ready
    assert set(status.services) == {"sandbox", *SERVICES}
    assert {name: service.pid for name, service in status.services.items()} == running.pids()
    assert status.merchant.api_key == "key_test_abc123"
    assert call("GET", f"{status.services['router'].ops}/readyz").status == 200
    running.stop()
    down = running.status()
    assert status.runner == os.getpid()
    assert down.runner is None
    assert (down.state, down.ready, {service.pid for service in down.services.values()}) == ("down", False, {None})


def test_a_second_start_repeats_only_what_may_have_changed(bench: Bench, running: Mesh) -> None:
    running.stop()
    before = len(commands(bench.root))
    bench.mesh().start()
    assert commands(bench.root)[before:] == ["shared.topology declare"]


@pytest.mark.parametrize("change", ["code", "data"])
def test_changed_code_or_lost_data_are_prepared_again(bench: Bench, running: Mesh, change: str) -> None:
    running.stop()
    before = len(commands(bench.root))
    if change == "code":
        (bench.root / "services" / "api" / "new.py").write_text("")
    else:
        (bench.folder / "postgres" / prepare.MARKER).unlink()
    bench.mesh().start()
    assert sum("migrate" in line for line in commands(bench.root)[before:]) == len(SERVICES)


def test_a_service_that_dies_is_restarted_said_and_counted(bench: Bench, running: Mesh) -> None:
    first = running.pids()["router"]
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: running.status().services["router"].restarts == 1 and running.status().ready)
    assert running.pids()["router"] not in (None, first)
    assert bench.said == ["router died (killed by SIGKILL); restart 1 in 0.01 s"]


def test_a_service_killed_on_purpose_stays_dead_until_restarted(running: Mesh) -> None:
    running.kill("router")
    assert running.pids()["router"] is None
    assert not running.status().ready
    running.restart("router")
    status = running.status()
    assert status.ready
    assert status.services["router"].restarts == 0


def test_an_unknown_name_is_an_error(running: Mesh) -> None:
    with pytest.raises(LocalError, match="no 'postgrs' here: there are"):
        running.kill("postgrs")


def test_services_get_their_own_environment_and_no_other(running: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMESH_LOG_LEVEL", "debug")
    environment = running.blueprint.environment
    assert environment("api")["PAYMESH_DATABASE_URL"] == "postgresql+asyncpg://me:secret@127.0.0.1:5432/paymesh_api"
    assert environment("api")["PAYMESH_LOG_LEVEL"] == "debug"
    assert len({environment(name)["PAYMESH_OPS_PORT"] for name in SERVICES}) == len(SERVICES)
    assert "PAYMESH_UNSEALING_KEYS_FILE" in environment("executor")
    for name in ("api", "router", "notifier"):
        assert "PAYMESH_UNSEALING_KEYS_FILE" not in environment(name)
    assert "PAYMESH_SECRETS_KEY" not in environment("api")


def test_settings_are_for_all_and_overrides_for_one(bench: Bench) -> None:
    mesh = bench.mesh({"PAYMESH_LOG_LEVEL": "error", "PAYMESH_X": "all"}, {"router": {"PAYMESH_X": "one"}})
    mesh.start()
    environment = mesh.blueprint.environment
    assert (environment("api")["PAYMESH_X"], environment("router")["PAYMESH_X"]) == ("all", "one")
    assert environment("api")["PAYMESH_LOG_LEVEL"] == "error"


def test_a_service_that_ends_while_starting_fails_the_start_with_its_log_and_leaves_nothing(bench: Bench) -> None:
    mesh = bench.mesh(overrides={"router": {"FAKE_ROUTER": "exit 3"}})
    with pytest.raises(StartFailed, match="router ended before it was ready: exit status 3") as failed:
        mesh.start()
    assert "cannot start: exit 3" in failed.value.detail
    assert set(mesh.pids().values()) == {None}
    assert not mesh.instance.is_held()


def test_a_service_that_never_gets_ready_fails_the_start_with_what_is_missing(bench: Bench) -> None:
    mesh = bench.mesh(overrides={"router": {"FAKE_ROUTER": "unready"}}, ready_timeout_s=5.0)
    with pytest.raises(StartFailed, match="router is not ready after 5 s: database: away"):
        mesh.start()


def test_a_command_that_fails_fails_the_start(bench: Bench) -> None:
    mesh = bench.mesh({"FAKE_COMMAND": "shared.topology"})
    with pytest.raises(StartFailed, match=r"`python -m shared.topology declare` failed \(exit status 1\)"):
        mesh.start()


def test_one_folder_has_one_runner(bench: Bench, running: Mesh) -> None:
    with pytest.raises(InstanceBusy):
        bench.mesh().start()
    assert running.status().ready


def test_what_a_killed_runner_left_is_ended_by_the_next(bench: Bench, running: Mesh) -> None:
    left = {pid for pid in running.pids().values() if pid}
    bench.lose(running)
    assert running.status().state == "abandoned"
    after = bench.mesh()
    after.start()
    assert left.isdisjoint(after.pids().values())
    assert any("an earlier runner left running" in text for text in bench.said)
    assert after.status().ready


def test_down_ends_exactly_what_was_recorded(bench: Bench, running: Mesh) -> None:
    bench.lose(running)
    assert sorted(end_programs(running.instance)) == sorted(["sandbox", *SERVICES])
    assert set(running.pids().values()) == {None}
    assert end_programs(running.instance) == []


def test_services_end_properly_the_edge_first(bench: Bench, running: Mesh) -> None:
    steps: list[Step] = []
    running.stop(steps.append)
    ended = [step.name for step in steps if step.state == "done"]
    assert ended[0] == "stop api"
    assert ended[-1] == "stop sandbox"
    for name in SERVICES:
        assert running.instance.log(name).read_text().endswith("stopped properly\n")


def test_removing_leaves_nothing_even_elsewhere(bench: Bench, running: Mesh, tmp_path: Path) -> None:
    running.stop()
    (tmp_path / "elsewhere").mkdir()
    (bench.folder / "linked").symlink_to(tmp_path / "elsewhere")
    remove(running.instance)
    assert not bench.folder.exists()
    assert not (tmp_path / "elsewhere").exists()


def test_wiping_ends_what_runs_but_not_what_is_held(bench: Bench, running: Mesh) -> None:
    with pytest.raises(InstanceBusy):
        wipe(running.instance)
    assert running.status().ready
    pids = [Identity.of(pid) for pid in running.pids().values() if pid]
    bench.lose(running)
    wipe(running.instance)
    assert not bench.folder.exists()
    assert not any(identity and identity.alive() for identity in pids)


def test_before_the_start_there_is_nothing_to_ask(bench: Bench) -> None:
    calls: list[Callable[[], object]] = [lambda: bench.mesh().postgres, lambda: bench.mesh().status()]
    for ask in calls:
        with pytest.raises(LocalError, match="has not been started"):
            ask()


def test_the_last_word_of_an_earlier_runner_is_not_the_next_ones(bench: Bench, running: Mesh) -> None:
    """Between taking hold of an instance and writing its own status, a runner is starting, whatever the file still says."""
    bench.lose(running)
    Identity(1, "another").save(bench.folder / RUNNER_RECORD)
    with running.instance.held():
        status = running.status()
    assert (status.state, status.runner) == ("starting", 1)
