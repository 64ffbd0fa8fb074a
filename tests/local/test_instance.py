"""One folder, one runner."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import account
from deploy.local.account import Account, data_home
from deploy.local.errors import InstanceBusy, LocalError
from deploy.local.instance import ROOT, Instance

HOLDER = """\
import sys, signal
from pathlib import Path
from deploy.local.instance import Instance
with Instance(Path(sys.argv[1])).held():
    print("held", flush=True)
    signal.pause()
"""


def test_a_second_runner_is_refused_until_the_first_is_gone_however_it_went(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    assert not instance.is_held()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert instance.is_held()
        with pytest.raises(InstanceBusy), instance.held(patience_s=0):
            pytest.fail("held twice")
    finally:
        holder.kill()
        holder.communicate()
    with instance.held():
        assert instance.is_held()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "/tmp"])
def test_a_name_that_is_a_path_is_refused(name: str) -> None:
    with pytest.raises(LocalError, match="instance's name"):
        Instance.named(name)


def test_a_secret_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    secret = Instance(tmp_path).secret("postgres_password")
    assert len(secret) == 48
    assert Instance(tmp_path).secret("postgres_password") == secret
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_records_name_what_was_started(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    assert instance.recorded() == []
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "router.json").write_text("{}")
    assert instance.recorded() == ["router"]


def test_data_lie_elsewhere_when_their_account_may_not_enter_and_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, elsewhere = tmp_path / "local" / "postgres", tmp_path / "elsewhere"
    me = Account("somebody", tmp_path.stat().st_uid, tmp_path.stat().st_gid)
    monkeypatch.setattr(account, "ELSEWHERE", elsewhere)
    monkeypatch.setattr(account, "_reaches", lambda home, _: elsewhere in home.parents)
    said: list[str] = []
    home = data_home(link, me, said.append)
    assert elsewhere in home.parents
    assert "may not enter" in said[0]
    (home / "data").write_text("kept")
    monkeypatch.setattr(account, "_reaches", lambda *_: True)  # whatever has changed: the data are where they are
    assert (data_home(link, me, said.append) / "data").read_text() == "kept"
    assert len(said) == 1


def test_data_lie_in_the_instance_where_that_will_do(tmp_path: Path) -> None:
    home = data_home(tmp_path / "local" / "postgres", None, pytest.fail)
    assert home == tmp_path / "local" / "postgres"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_data_that_their_account_cannot_reach_any_more_are_not_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_reaches", lambda *_: False)
    link = tmp_path / "local" / "postgres"
    (link / "data").mkdir(parents=True)
    me = Account("somebody", tmp_path.stat().st_uid, tmp_path.stat().st_gid)
    with pytest.raises(LocalError, match="may no longer enter"):
        data_home(link, me, lambda _: None)
    assert (link / "data").exists()


def test_no_place_for_the_data_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "ELSEWHERE", tmp_path / "elsewhere")
    monkeypatch.setattr(account, "_reaches", lambda *_: False)
    me = Account("somebody", tmp_path.stat().st_uid, tmp_path.stat().st_gid)
    with pytest.raises(LocalError, match="somebody may enter neither"):
        data_home(tmp_path / "local" / "postgres", me, lambda _: None)
