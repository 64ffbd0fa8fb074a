"""Where the servers come from, in which order, and what is said when there is no way."""

import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.errors import LocalError, ServerUnavailable, StartFailed
from deploy.local.servers import container, packages, private, provide
from deploy.local.servers.answering import wait_until_answering
from deploy.local.servers.container import Container, leftovers
from deploy.local.servers.given import Given
from deploy.local.servers.postgres import Postgres
from deploy.local.servers.provide import Kind
from deploy.local.servers.rabbitmq import RabbitMQ

GIVEN = {"PAYMESH_POSTGRES_URL": "postgresql+asyncpg://me:x@127.0.0.1:1/db", "PAYMESH_RABBITMQ_URL": "amqp://me:x@127.0.0.1:1/"}
# A docker client that writes down what it is asked and keeps the one container's state in a file.
DOCKER = """\
#!/bin/sh
cd "$(dirname "$0")" && echo "$*" >> asked
case "$1" in
    info) exit ${DOCKER_INFO:-0} ;;
    inspect) cat state 2>/dev/null ;;
    run|start) echo running > state ;;
    stop|kill) echo exited > state ;;
    rm) rm -f state ;;
    logs) echo "the log" ;;
esac
"""


def _program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(text)
    program.chmod(0o755)
    return program


@pytest.fixture(autouse=True)
def data_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other accounts may not enter a test's folder, and elsewhere nobody would tidy up."""
    monkeypatch.setattr(private, "unprivileged", lambda _: None)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A Docker engine that answers; what it was asked so far."""
    folder = _program(tmp_path / "bin", "docker", DOCKER).parent
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(container, "wait_until_answering", lambda *_: None)
    return lambda: (folder / "asked").read_text().splitlines()


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither program, and without the right to install any."""

    def missing(kind: Kind) -> Kind:
        return Kind(kind.name, kind.setting, kind.package, lambda: None, kind.private)

    for name in ("POSTGRES", "RABBITMQ"):
        monkeypatch.setattr(provide, name, missing(getattr(provide, name)))
    monkeypatch.setattr(packages, "privilege", lambda: None)


def test_urls_come_before_everything(tmp_path: Path) -> None:
    servers = provide.provide(tmp_path, GIVEN, pytest.fail)
    assert [type(server) for server in servers] == [Given, Given]
    assert servers[0].url == "postgresql://me:x@127.0.0.1:1/db"


def test_programs_of_this_machine_come_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(kind: Kind) -> Kind:
        return Kind(kind.name, kind.setting, kind.package, lambda: tmp_path, kind.private)

    for name in ("POSTGRES", "RABBITMQ"):
        monkeypatch.setattr(provide, name, installed(getattr(provide, name)))
    servers = provide.provide(tmp_path, {}, pytest.fail)
    assert [type(server) for server in servers] == [Postgres, RabbitMQ]
    assert not list(tmp_path.iterdir())  # nothing is made before it is started


@pytest.mark.usefixtures("nothing_installed")
def test_then_the_distribution_for_what_is_missing_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    root = _program(tmp_path / "bin", "root", f'#!/bin/sh\nshift 4; echo "$*" > {asked}\n')
    monkeypatch.setattr(packages, "privilege", lambda: [str(root)])
    said: list[str] = []
    servers = provide.provide(tmp_path, {"PAYMESH_POSTGRES_URL": GIVEN["PAYMESH_POSTGRES_URL"]}, said.append)
    assert [type(server) for server in servers] == [Given, RabbitMQ]
    assert asked.read_text() == "rabbitmq-server\n"
    assert "installing rabbitmq-server" in said[0]


@pytest.mark.usefixtures("nothing_installed")
def test_a_failed_installation_shows_the_end_of_what_apt_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = _program(tmp_path / "bin", "root", "#!/bin/sh\necho 'E: Unable to locate package'; exit 100\n")
    monkeypatch.setattr(packages, "privilege", lambda: [str(root)])
    with pytest.raises(ServerUnavailable, match="apt-get install") as failed:
        provide.provide(tmp_path, {}, lambda _: None)
    assert failed.value.detail == "E: Unable to locate package"


@pytest.mark.usefixtures("nothing_installed")
def test_then_docker(tmp_path: Path, docker: Callable[[], list[str]]) -> None:
    servers = provide.provide(tmp_path / "instance", {}, pytest.fail)
    assert [type(server) for server in servers] == [Container, Container]
    assert docker() == ["info"]


@pytest.mark.usefixtures("nothing_installed", "docker")
def test_else_an_error_names_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_INFO", "1")  # a client without an engine
    with pytest.raises(ServerUnavailable) as none:
        provide.provide(tmp_path, {}, pytest.fail)
    for needed in ("sudo apt-get install", "postgresql rabbitmq-server", "Docker", "PAYMESH_POSTGRES_URL and PAYMESH_RABBITMQ_URL"):
        assert needed in str(none.value)


def test_installing_never_lets_a_service_start(tmp_path: Path) -> None:
    """The script runs with a stand-in for apt-get, in a place of its own instead of /usr/sbin."""
    seen = tmp_path / "seen"
    policy = tmp_path / "policy-rc.d"
    _program(tmp_path / "bin", "apt-get", f'#!/bin/sh\n[ "$1" = update ] || {{ {policy}; echo "policy $?, $*" > {seen}; }}\n')
    script = packages.SCRIPT.replace("/usr/sbin/policy-rc.d", str(policy)).replace("/run/systemd/system", str(tmp_path / "none"))
    subprocess.run(["sh", "-c", script, "install", "postgresql"], env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}, check=True)
    assert seen.read_text() == "policy 101, install -y -qq --no-install-recommends postgresql\n"
    assert not policy.exists()


def test_a_container_is_run_once_then_started_and_its_data_stay(tmp_path: Path, docker: Callable[[], list[str]]) -> None:
    postgres = Container("postgres", tmp_path / "instance")
    postgres.start()
    postgres.start()
    assert postgres.alive()
    assert postgres.wanted
    assert [found.name for found in leftovers(tmp_path / "instance")] == ["postgres"]
    postgres.stop()
    assert (postgres.alive(), postgres.wanted, leftovers(tmp_path / "instance")) == (False, False, [])
    postgres.start()
    acts = [line for line in docker() if line.split()[0] in ("run", "start", "stop", "rm")]
    assert [act.split()[0] for act in acts] == ["run", "stop", "start"]
    assert "--publish 127.0.0.1:" in acts[0]
    assert acts[0].endswith("-c jit=off")
    assert postgres.url.startswith("postgresql://paymesh:")


def test_a_container_that_dies_is_told(tmp_path: Path, docker: Callable[[], list[str]]) -> None:
    rabbitmq = Container("rabbitmq", tmp_path / "instance")
    rabbitmq.start()
    rabbitmq.kill()
    assert rabbitmq.ending() == "container exited"
    assert rabbitmq.tail() == "the log"
    rabbitmq.remove()
    assert rabbitmq.ending() == "container gone"
    assert any(line.startswith("volume rm") for line in docker())


def test_a_given_server_is_not_ours_to_end() -> None:
    given = Given("postgres", "postgresql://127.0.0.1:1/db", "PAYMESH_POSTGRES_URL")
    given.stop()
    assert given.alive()
    assert not given.wanted
    with pytest.raises(LocalError, match="PAYMESH_POSTGRES_URL"):
        given.kill()


def test_a_given_server_that_does_not_answer_is_named_by_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.servers.given.GIVEN_TIMEOUT_S", 0.0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer there
        url = f"amqp://127.0.0.1:{closed.getsockname()[1]}/"
        with pytest.raises(StartFailed, match=r"does not answer.*PAYMESH_RABBITMQ_URL"):
            Given("rabbitmq", url, "PAYMESH_RABBITMQ_URL").start()


def test_a_server_that_ended_is_not_waited_for(tmp_path: Path) -> None:
    dead = Postgres(tmp_path)
    with pytest.raises(StartFailed, match="postgres did not start: ended"):
        wait_until_answering(dead, timeout_s=60)


def test_passwords_are_random_and_stay(tmp_path: Path) -> None:
    urls = {server(tmp_path / name).url for server in (Postgres, RabbitMQ) for name in ("one", "two")}
    assert len(urls) == 4
    assert Postgres(tmp_path / "one").url in urls
    assert stat.S_IMODE((tmp_path / "one" / "postgres" / "password").stat().st_mode) == 0o600
