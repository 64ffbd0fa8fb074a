"""`./paymesh` before any Python of ours runs: with a stand-in for the interpreter that writes down what it is asked."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.local.cli import app
from deploy.local.instance import ROOT

# As an interpreter it makes a .venv whose python is itself; as that python it pretends to install, and to run the command.
PYTHON = """\
#!/bin/sh
echo "$*" >> "$ASKED"
case "$1 $2" in
    "-c import sys; assert"*) echo "$0" ;;
    "-c import ensurepip"*) exit ${NO_ENSUREPIP:-0} ;;
    "-c "*) echo python3.11-venv ;;
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip") [ "$3" = --version ] || exit ${PIP_FAILS:-0} ;;
    "-m deploy.local") shift 2; echo "ran $*" ;;
    "--version ") echo "Python 3.11.2" ;;
esac
"""


class Checkout:
    """A copy of the launcher with small lock files, and a machine whose only Python is the stand-in."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        (self.root / "deploy").mkdir(parents=True)
        shutil.copy(ROOT / "paymesh", self.root / "paymesh")
        for name in ("requirements.txt", "requirements-dev.txt"):
            (self.root / "deploy" / name).write_text(f"{name}==1\n")
        self.asked_file = folder / "asked"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("python3.11", "python3"):
            (self.bin / name).write_text(PYTHON)
            (self.bin / name).chmod(0o755)

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": f"{self.bin}:/usr/bin:/bin", "ASKED": str(self.asked_file), **extra}

    def run(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.root / "paymesh"), *arguments]
        return subprocess.run(command, env=self.environment(extra), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def asked(self, start: str) -> list[str]:
        """What the interpreters were asked so far, of one sort."""
        lines = self.asked_file.read_text().splitlines() if self.asked_file.exists() else []
        return [line for line in lines if line.startswith(start)]

    def installs(self) -> list[str]:
        return [Path(line.split()[-1]).name for line in self.asked("-m pip install")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_help_needs_no_venv_and_names_every_command(checkout: Checkout) -> None:
    for arguments in ([], ["--help"], ["up", "--help"]):
        done = checkout.run(*arguments)
        assert done.returncode == 0
        for name in app:
            assert name.startswith("-") or name == "supervise" or f"\n  {name} " in done.stdout
    assert not (checkout.root / ".venv").exists()


def test_the_first_command_makes_a_venv_from_the_hashed_lock_and_runs(checkout: Checkout) -> None:
    done = checkout.run("status", "--json")
    assert (done.returncode, done.stdout) == (0, "ran status --json\n")
    assert "making .venv" in done.stderr
    assert "--require-hashes -r " in checkout.asked("-m pip install")[0]
    assert checkout.installs() == ["requirements.txt"]


def test_the_second_command_asks_nothing_but_its_own(checkout: Checkout) -> None:
    checkout.run("up")
    checkout.asked_file.unlink()
    assert checkout.run("down").stdout == "ran down\n"
    assert checkout.asked("") == ["-m deploy.local down"]


def test_a_changed_lock_is_installed_again(checkout: Checkout) -> None:
    checkout.run("up")
    (checkout.root / "deploy" / "requirements.txt").write_text("other==2\n")
    checkout.run("up")
    assert checkout.installs() == ["requirements.txt"] * 2
    assert len(checkout.asked("-m venv")) == 1


def test_tests_need_more_and_what_is_there_stays(checkout: Checkout) -> None:
    for command in ("up", "test", "up", "test"):
        checkout.run(command)
    assert checkout.installs() == ["requirements.txt", "requirements-dev.txt"]


def test_what_the_tests_need_is_enough_for_the_rest_when_every_pin_is_the_same(checkout: Checkout) -> None:
    runtime, dev = (checkout.root / "deploy" / name for name in ("requirements.txt", "requirements-dev.txt"))
    runtime.write_text("one==1 \\\n    --hash=x\n")
    dev.write_text("one==1 \\\n    --hash=x\ntwo==2\n")
    for command in ("test", "up"):
        checkout.run(command)
    assert checkout.installs() == ["requirements-dev.txt"]
    runtime.write_text("one==2 \\\n    --hash=x\n")
    checkout.run("up")
    assert checkout.installs() == ["requirements-dev.txt", "requirements.txt"]


@pytest.mark.parametrize("damage", ["interpreter gone", "another interpreter"])
def test_a_broken_venv_is_made_again(checkout: Checkout, damage: str) -> None:
    checkout.run("up")
    python = checkout.root / ".venv" / "bin" / "python"
    python.unlink()
    if damage == "another interpreter":
        other = checkout.bin / "python3.12"  # whose packages are elsewhere: it finds no pip
        other.write_text("#!/bin/sh\nexit 1\n")
        other.chmod(0o755)
        python.symlink_to(other)
    assert checkout.run("up").stdout == "ran up\n"
    assert len(checkout.asked("-m venv")) == 2
    assert checkout.installs() == ["requirements.txt"] * 2


def test_two_first_starts_at_once_make_one_venv(checkout: Checkout) -> None:
    command = [str(checkout.root / "paymesh"), "status"]
    starts = [subprocess.Popen(command, env=checkout.environment({}), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(4)]
    assert [start.communicate()[0] for start in starts] == [b"ran status\n"] * 4
    assert len(checkout.asked("-m venv")) == 1
    assert checkout.installs() == ["requirements.txt"]


def test_a_failed_installation_is_an_error_and_is_tried_again(checkout: Checkout) -> None:
    failed = checkout.run("up", PIP_FAILS="1")
    assert failed.returncode == 1
    assert "could not install the packages of deploy/requirements.txt" in failed.stderr
    assert checkout.run("up").stdout == "ran up\n"


def test_without_a_fitting_python_the_command_is_named(checkout: Checkout) -> None:
    for name in ("python3.11", "python3", "python3.12", "python3.13", "python3.14"):
        (checkout.bin / name).write_text("#!/bin/sh\nexit 1\n")
        (checkout.bin / name).chmod(0o755)
    failed = checkout.run("up")
    assert failed.returncode == 1
    assert "needs Python 3.11 or newer" in failed.stderr


@pytest.mark.parametrize("apt_works", [True, False])
def test_a_missing_ensurepip_is_fetched_or_the_command_is_named(checkout: Checkout, apt_works: bool) -> None:
    for name, text in {
        "apt-get": f'#!/bin/sh\necho "apt $*" >> "$ASKED"\nexit {0 if apt_works else 100}\n',
        "id": "#!/bin/sh\necho 0\n",
    }.items():
        (checkout.bin / name).write_text(text)
        (checkout.bin / name).chmod(0o755)
    done = checkout.run("up", NO_ENSUREPIP="1")
    assert "installing python3.11-venv from the distribution" in done.stderr
    if apt_works:
        assert done.stdout == "ran up\n"
        assert checkout.asked("apt install")[0].endswith("python3.11-venv")
    else:
        assert done.returncode == 1
        assert "sudo apt-get install python3.11-venv" in done.stderr


def test_it_can_be_called_from_anywhere_by_a_link(checkout: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "paymesh"
    link.symlink_to(checkout.root / "paymesh")
    done = subprocess.run([str(link), "status"], env=checkout.environment({}), cwd="/", capture_output=True, text=True, check=False)
    assert done.stdout == "ran status\n"
    assert os.path.isdir(checkout.root / ".venv")
