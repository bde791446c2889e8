"""The process that keeps a kit's FLARE process running."""

from __future__ import annotations

import stat
import threading
import time

from proofward.engines.contract import home_of
from proofward.engines.flare import supervisor as supervision
from proofward.engines.flare.supervisor import OUTPUT_NAME, Supervisor
from tests.patience import PATIENCE


def test_the_output_of_a_kit_stays_in_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(supervision, "MAX_OUTPUT_BYTES", 1000)
    kit, stop = tmp_path / "kit", threading.Event()
    home_of(kit).mkdir(parents=True)
    script = f"ulimit -c > '{kit / 'core'}'; while :; do echo $(seq 30); sleep 0.01; done\n"
    thread = threading.Thread(target=Supervisor(kit, stop, command=["bash", "-c", script]).run)
    thread.start()
    output = home_of(kit) / OUTPUT_NAME
    try:
        until, largest = time.monotonic() + PATIENCE, 0
        while not output.with_suffix(".log.1").exists() and time.monotonic() < until:
            time.sleep(0.05)
        for _ in range(20):
            largest = max(largest, output.stat().st_size)
            time.sleep(0.1)
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert 0 < largest < 20000
    for path in (output, output.with_suffix(".log.1"), kit / "core"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (kit / "core").read_text() == "0\n"
