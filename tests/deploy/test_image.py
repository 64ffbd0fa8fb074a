"""The image holds what every command needs and little more; no engine is asked, the Dockerfile is read."""

import fnmatch
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import ClassVar

import pytest

from tests.deploy import composition
from tests.deploy.cluster import CLUSTERS
from tests.deploy.places import DOCKER, ROOT

COMMANDS = {one.module for mesh in (composition.processes(), *(each.processes for each in CLUSTERS.values())) for one in mesh.values()}


def instructions() -> list[tuple[str, list[str]]]:
    """("COPY", its words), lines joined and comments left out."""
    lines = [line for line in (DOCKER / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [(words[0], words[1:]) for line in text.splitlines() if (words := shlex.split(line))]


def final_stage() -> list[tuple[str, list[str]]]:
    found = instructions()
    last = max(number for number, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def copied() -> list[str]:
    """What is copied from the repository, in any stage."""
    words = [words for name, words in instructions() if name == "COPY" and not words[0].startswith("--from")]
    return [source for sources in words for source in sources[:-1]]


def ignored(path: str) -> bool:
    """As the builder reads the ignore file: the last pattern that matches decides."""
    verdict = False
    for pattern in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines():
        if pattern and not pattern.startswith("#"):
            bare = pattern.lstrip("!")
            parents = [path, *map(str, PurePosixPath(path).parents)]
            if any(fnmatch.fnmatch(one, bare) for one in parents if one != "."):
                verdict = not pattern.startswith("!")
    return verdict


def test_what_is_copied_exists_and_travels_to_the_builder() -> None:
    assert [one for one in copied() if not (ROOT / one).exists()] == []
    assert [one for one in copied() if ignored(one)] == []


def test_nothing_else_travels() -> None:
    for path in (".git/config", ".venv/bin/python", ".paymesh/mine/keys/sealing.private.json", "deploy/local/mesh.py", "tests/x.py", "a"):
        assert ignored(path), path
    assert ignored("services/api/__pycache__/wiring.cpython-311.pyc")


@pytest.mark.parametrize("module", sorted(COMMANDS))
def test_every_command_is_in_the_image(module: str) -> None:
    path = PurePosixPath(module.replace(".", "/"))
    in_final = [source for name, words in final_stage() if name == "COPY" and not words[0].startswith("--from") for source in words[:-1]]
    assert any(path.is_relative_to(source) for source in in_final), f"COPY {module.split('.')[0]} …"


def test_the_probe_is_in_the_image() -> None:
    tests = {
        entry["healthcheck"]["test"][4]
        for entry in composition.entries().values()
        if entry["image"] == "paymesh" and "healthcheck" in entry
    }
    assert tests == {"deploy/docker/ready.py"}
    assert tests <= set(copied())


def test_it_is_not_root_and_the_cluster_agrees() -> None:
    (user,) = [words[0] for name, words in final_stage() if name == "USER"]
    assert re.fullmatch(r"\d+:\d+", user), "a number, so that Kubernetes can see that it is not root"
    for cluster in CLUSTERS.values():
        for name in cluster.services():
            context = cluster.of_kind("Deployment")[name]["spec"]["template"]["spec"]["securityContext"]
            assert f"{context['runAsUser']}:{context['runAsGroup']}" == user


def test_packages_are_those_of_the_lock_and_need_no_compiler() -> None:
    (install,) = [words for name, words in instructions() if name == "RUN" and "--requirement" in words]
    assert {"--require-hashes", "--only-binary"} <= set(install)
    stages = [words for name, words in instructions() if name == "FROM"]
    assert len(stages) == 2
    assert {words[0] for words in stages} == {"${PYTHON}"}, "a virtual environment runs on the Python that it was made with"
    assert [words for name, words in final_stage() if "apt-get" in words] == []


def test_volumes_find_their_folders() -> None:
    """A named volume takes its owner from the folder in the image: without one, root would own it."""
    text = (DOCKER / "Dockerfile").read_text()
    targets = {volume.split(":")[1] for one in composition.processes() for volume in composition.entries()[one].get("volumes", ())}
    assert {target for target in targets if target.startswith("/var/") and target not in text} == set()


class Answers(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def probe(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-I", "-S", str(DOCKER / "ready.py"), *arguments], capture_output=True, check=False).returncode


def test_the_probe_says_what_readiness_says(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe(f"http://127.0.0.1:{port}/readyz") == 0
    monkeypatch.setattr(Answers, "status", 503)
    assert probe(f"http://127.0.0.1:{port}/readyz") == 1


def test_the_probe_of_a_closed_port_fails() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        closed = server.server_port
    assert probe(f"http://127.0.0.1:{closed}/readyz") == 1
    assert probe() == 1
