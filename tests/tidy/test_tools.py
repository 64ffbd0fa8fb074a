"""ruff, mypy and the import linter hold for the whole repository."""

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

from tests.tidy.tree import ROOT


def run(*arguments: str) -> None:
    """Raises AssertionError with what the tool has said."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments[0]}:\n{done.stdout}{done.stderr}"


def test_ruff_finds_nothing(tmp_path: Path) -> None:
    run("ruff", "check", "--quiet", "--output-format", "concise", "--cache-dir", str(tmp_path))


def test_everything_is_formatted(tmp_path: Path) -> None:
    run("ruff", "format", "--check", "--quiet", "--output-format", "concise", "--cache-dir", str(tmp_path))


@pytest.mark.timeout(600)  # a first run reads every library; later ones only what has changed
def test_every_type_holds() -> None:
    run("mypy", "--no-error-summary")


def test_imports_keep_their_direction(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename=str(ROOT / ".importlinter"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out
