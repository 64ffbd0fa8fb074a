"""Getting PostgreSQL and RabbitMQ from the distribution without letting the system's own services start."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from deploy.local.errors import ServerUnavailable
from deploy.local.servers import Say

# Run as root with the packages as arguments. A policy-rc.d that answers 101 is how Debian lets an administrator forbid a package to
# start its service; one that is there already is somebody's decision and stays. What was not installed before is not enabled either.
SCRIPT = """\
set -e
export DEBIAN_FRONTEND=noninteractive
if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT INT TERM
    printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@"
if [ -d /run/systemd/system ]; then
    for package in "$@"; do systemctl disable --now "$package" >/dev/null 2>&1 || true; done
fi
"""


def command(packages: Sequence[str]) -> str:
    """What a person would type."""
    return f"apt-get install --no-install-recommends {' '.join(packages)}"


def privilege() -> list[str] | None:
    """The prefix that makes a command root's: none for root, sudo where it works (or can ask on a terminal), None where neither does."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    if sys.stdin.isatty():
        return ["sudo"]
    allowed = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    return ["sudo", "-n"] if allowed.returncode == 0 else None


def install(packages: Sequence[str], prefix: Sequence[str], say: Say) -> None:
    """Install them, saying so first. Raises ServerUnavailable with the end of apt's output."""
    say(f"installing {', '.join(packages)} from the distribution (once; the system's own services are not started)")
    command_line = [*prefix, "sh", "-c", SCRIPT, "install", *packages]
    done = subprocess.run(command_line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        end = "\n".join(done.stdout.splitlines()[-15:])
        raise ServerUnavailable(f"could not install {', '.join(packages)}; try `{' '.join([*prefix, command(packages)])}`", end)
