"""How many files a service may hold open: as many as it may need, whatever the shell that started it allows."""

import subprocess
import sys

import pytest

SHOW = (
    "import resource; from shared.runtime.life import allow_files; allow_files({most}); print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
)


@pytest.mark.parametrize(
    ("limits", "most", "then"),
    [
        ("ulimit -Sn 256; ulimit -Hn 4096", 2_000, "2000 4096"),
        ("ulimit -Sn 256; ulimit -Hn 1024", 2_000, "1024 1024"),
        ("ulimit -Sn 3000; ulimit -Hn 4096", 2_000, "3000 4096"),
    ],
    ids=["raised", "to the hard limit", "never lowered"],
)
def test_the_soft_limit(limits: str, most: int, then: str) -> None:
    command = f'{limits}; exec "$0" -c "{SHOW.format(most=most)}"'
    done = subprocess.run(["bash", "-c", command, sys.executable], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == then
