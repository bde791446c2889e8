"""The memory that a round's aggregation takes does not grow with the model."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from proofward.cli.common.kernels import load_kernels
from proofward.federation.history.sums.aggregation import compute_result
from proofward.federation.storage.objects import Objects, StoredObjects
from proofward.ledger.objects import ObjectStore
from tests.federation.test_aggregation import OBJECTS, Round, folder, history_of, on_whole_arrays
from tests.peak_memory import resident

pytestmark = pytest.mark.slow

MEASURE = """
import json, sys
from pathlib import Path
from tests.federation.test_aggregation_memory import measured
print(json.dumps(measured(Path(sys.argv[1]), json.loads(sys.argv[2]))))
"""


def measured(directory: Path, told: dict) -> dict:
    """Peak growth of the resident memory during a round's aggregation, in bytes, and the result."""
    ledger = folder(directory)
    load_kernels(Console(quiet=True))
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins again at VmRSS
    before = resident("VmRSS")
    result = compute_result(history_of(told), Objects(ledger.objects, "aggregator"), ledger.new_object)
    growth = resident("VmHWM") - before
    ledger.close()
    return {"growth": growth, **{name: getattr(result, name).hex() for name in OBJECTS}}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from /proc")
def test_memory_does_not_grow_with_the_model(tmp_path):
    told = Round(tmp_path, 3_000_000).told
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path), json.dumps(told)],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    found = json.loads(ran.stdout)
    expected = on_whole_arrays(
        history_of(told), Objects(StoredObjects(ObjectStore(tmp_path / "objects")), "aggregator")
    )
    assert {name: hashlib.sha256(data).hexdigest() for name, data in expected.items()} == {
        name: found[name] for name in OBJECTS
    }
    assert found["growth"] < 40 << 20 < 2 * 8 * told["length"]
