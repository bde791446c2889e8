"""Gas is what the committed table says, and within what a round may take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from proofward.chain.basics.libraries import imported

with imported():
    pytest.importorskip("eth", reason="py-evm is not installed")

ROOT = Path(__file__).parents[3]
TABLE = json.loads((Path(__file__).parent / "gas.json").read_text())
TOLERANCE = 0.02


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def compare(hospitals: int) -> None:
    from _chain_cases import table

    found: Any = table(hospitals)["gas"]
    assert found == pytest.approx(TABLE["by hospitals"][str(hospitals)], rel=TOLERANCE)


def test_five_hospitals():
    compare(5)


@pytest.mark.exhaustive
@pytest.mark.parametrize("hospitals", [50, 500, 5000])
def test_more_hospitals(hospitals: int):
    compare(hospitals)


def test_seats_of_both_kinds():
    from _chain_cases import kinds_of_seats

    assert kinds_of_seats() == pytest.approx(TABLE["kinds"], rel=TOLERANCE)


def test_rounds_and_disputes_are_within_their_limits():
    from chain_gas import COLUMN_LIMIT, LIMITS

    steps = {name: gas for name, gas in TABLE["disputes"].items() if "bytes" not in name}
    assert len(steps) == 4 and COLUMN_LIMIT == 300_000
    assert max(gas for name, gas in steps.items() if "column" in name) <= COLUMN_LIMIT

    assert LIMITS == {5: 160_000, 500: 420_000}
    for hospitals, limit in LIMITS.items():
        assert TABLE["by hospitals"][str(hospitals)]["close_round"] <= limit
