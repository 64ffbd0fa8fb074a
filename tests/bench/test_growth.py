"""A million old payments in every database cost a new one next to nothing."""

import json
import subprocess
from pathlib import Path

import pytest

from deploy.local.instance import ROOT

OLD_PAYMENTS = 1_000_000
GROWTH_MAX = 1.10

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]


def test_a_million_old_payments_cost_a_tenth_at_most(tmp_path: Path) -> None:
    """The same benchmark before and after, on one instance: a ratio within one run, because machines are not alike from hour to hour."""
    options = ["--old-payments", str(OLD_PAYMENTS), "--light-seconds", "2", "--instance", "growth", "--json"]
    said = tmp_path / "bench.json"
    with said.open("wb") as out:
        assert subprocess.run([str(ROOT / "paymesh"), "bench", *options], stdout=out, check=False, timeout=1400).returncode == 0
    found = json.loads(said.read_text())
    assert found["lost"] == 0
    assert found["growth_ratio"] <= GROWTH_MAX
