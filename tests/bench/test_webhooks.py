"""Webhooks by the ten thousand arrive once each, rightly signed and logged, and one endpoint that hangs makes nobody else wait."""

import json
import subprocess
from pathlib import Path

import pytest

from deploy.local.instance import ROOT

DELIVERIES = 10_000
WAIT_MAX = 1.5  # × the others' p99 before

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_webhooks_arrive_and_one_that_hangs_delays_no_other(tmp_path: Path) -> None:
    """Two phases of one run, on one instance, because machines are not alike from hour to hour."""
    said = tmp_path / "bench.json"
    options = ["--webhooks", "--deliveries", str(DELIVERIES), "--instance", "webhooks", "--json"]
    with said.open("wb") as out:
        assert subprocess.run([str(ROOT / "paymesh"), "bench", *options], stdout=out, check=False, timeout=500).returncode == 0
    found = json.loads(said.read_text())
    assert [found[f"webhooks_{name}"] for name in ("lost", "repeated", "wrong")] == [0, 0, 0]
    assert found["webhooks_isolation_ratio"] <= WAIT_MAX
