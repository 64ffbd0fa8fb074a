"""Who a server runs as: never root where it can be helped, and its data where that account can reach them."""

import hashlib
import os
import pwd
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError

ELSEWHERE = Path("/var/lib")


@dataclass(frozen=True)
class Account:
    """An unprivileged account of this machine."""

    name: str
    uid: int
    gid: int


def unprivileged(*names: str) -> Account | None:
    """The first of these accounts that exists, else `nobody`; None when this process is not root and runs everything as itself."""
    if os.geteuid() != 0:
        return None
    for name in (*names, "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise LocalError(f"no account to run {names[0]} as: create one with `useradd --system {names[0]}`")


def run_as(
    account: Account | None, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, timeout_s: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run a short command as an account and keep what it says; its exit status is the caller's to judge."""
    return subprocess.run(
        list(command),
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def data_home(link: Path, account: Account | None, say: Callable[[str], None]) -> Path:
    """The data folder that `link` stands for, made if missing and owned by `account`.

    It is `link` itself, unless the account may not pass one of its parents (a checkout under /root). Then it lies elsewhere and `link`
    points there, so that the next runner finds the same data, whatever has changed meanwhile.
    """
    if link.is_symlink():
        return _prepare(Path(os.readlink(link)), account)
    home = _prepare(link, account)
    if account is None or _reaches(home, account):
        return home
    if any(home.iterdir()):
        raise LocalError(f"the account {account.name} may no longer enter {link}, where its data are: let it pass every folder above")
    # Keyed by the checkout and the instance: two of them never share data.
    key = hashlib.sha256(str(link.parent.resolve()).encode()).hexdigest()[:12]
    elsewhere = _prepare(ELSEWHERE / f"paymesh-{key}" / link.name, account)
    if not _reaches(elsewhere, account):
        raise LocalError(f"the account {account.name} may enter neither {link} nor {elsewhere}: move the checkout to a folder it may enter")
    link.rmdir()
    link.symlink_to(elsewhere)
    say(f"{link.name}: the account {account.name} may not enter {link.parent}; the data are in {elsewhere}")
    return elsewhere


def _prepare(home: Path, account: Account | None) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    if account is not None:
        os.chown(home, account.uid, account.gid)
    home.chmod(0o700)
    return home


def _reaches(home: Path, account: Account) -> bool:
    command = ["test", "-r", str(home), "-a", "-w", str(home), "-a", "-x", str(home)]
    return run_as(account, command, environment={"PATH": os.defpath}, folder=Path("/")).returncode == 0
