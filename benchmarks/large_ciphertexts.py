"""A round of three hospitals with ciphertexts of 120 MB on FLARE: seconds, throughput, the server's memory.

    python benchmarks/large_ciphertexts.py [--smallest] [--layers 15]

Real processes, mutual TLS on localhost, real proofs; the hospitals prove in turns, since one proof of this
size takes most of a small machine's memory. Beside it a raw copy of one ciphertext through a TLS socket with
the same certificates. The server's memory is the peak of resident memory of its two processes, kept by the
kernel.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path

from _machine import print_result

from proofward.cli.run.demos.sites import read_ledger, terms_of
from proofward.data.synthetic import make_synthetic
from proofward.engines.local import SERVER, LocalConsortium
from proofward.engines.run_folder import Plan
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models.settings import Preset
from proofward.relations.rules.config import RoundConfig
from proofward.report.audits.run_audit import RunAudit
from proofward.report.demonstrations.scenario import Scenario
from proofward.report.handover.models.description import Description, Feature

WIDTH, SMALL_WIDTH, ROWS, BATCH, HOSPITALS = 1024, 384, 32, 8, 3
TIMEOUT = 3600.0


def scenario_of(layers: int, width: int = WIDTH) -> Scenario:
    """One step of training of an MLP of `layers` hidden layers of `width`."""
    model, scales, training = mlp((width,) * (layers + 1) + (2,)), FixedPoint(), Training(1, BATCH, steps=1)
    setup = Preset("large", "large", model, scales, training, 2 << 10)
    names = [f"hospital-{number}" for number in range(HOSPITALS)]
    config = RoundConfig(model, scales, training, 2 << 10, HOSPITALS, 1)
    plan = Plan("large ciphertexts", names, ["verifier-0"], 1, HOSPITALS, 1, config)
    records = make_synthetic((HOSPITALS + 1) * ROWS, width, 0, scales, 0.25)
    import numpy as np

    parts = [records.select(np.arange(ROWS) + ROWS * number) for number in range(HOSPITALS + 1)]
    description = Description.of([Feature(f"feature-{number}", 0.0, 1.0) for number in range(1, width + 1)])
    return Scenario(setup, dict(zip(names, parts, strict=False)), parts[-1], plan, description)


class Peaks(threading.Thread):
    """Peak resident memory of the server's processes, by kind."""

    def __init__(self, kit: Path) -> None:
        super().__init__(daemon=True)
        self.kit = str(kit.resolve())
        self.done = threading.Event()
        self.bytes: dict[str, int] = {}

    def run(self) -> None:
        while not self.done.wait(0.2):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    words = (folder / "cmdline").read_bytes().decode().split("\0")
                    if self.kit not in words or not any("nvflare" in word for word in words):
                        continue
                    kind = "job" if any("runner_process" in word for word in words) else "parent"
                    lines = (folder / "status").read_text().splitlines()
                    peak = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
                except (OSError, StopIteration, UnicodeDecodeError):
                    continue
                self.bytes[kind] = max(self.bytes.get(kind, 0), peak)


def raw_copy(local: LocalConsortium, size: int) -> float:
    """Seconds for `size` bytes through one mutually authenticated TLS connection, file to file."""
    server, client = local.kits[SERVER] / "startup", local.kits["hospital-0"] / "startup"
    accept = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accept.load_cert_chain(server / "server.crt", server / "server.key")
    accept.load_verify_locations(server / "rootCA.pem")
    accept.verify_mode = ssl.CERT_REQUIRED
    connect = ssl.create_default_context(cafile=str(client / "rootCA.pem"))
    connect.load_cert_chain(client / "client.crt", client / "client.key")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "from", Path(folder) / "to"
        with source.open("wb") as file:
            for _ in range(-(-size // (1 << 20))):
                file.write(bytes(1 << 20))
        listener = socket.create_server((SERVER, 0))

        def receive() -> None:
            with (
                accept.wrap_socket(listener.accept()[0], server_side=True) as peer,
                target.open("wb") as file,
            ):
                while block := peer.recv(1 << 18):
                    file.write(block)

        thread = threading.Thread(target=receive)
        thread.start()
        start = time.perf_counter()
        plain = socket.create_connection(listener.getsockname())
        with connect.wrap_socket(plain, server_hostname=SERVER) as peer, source.open("rb") as file:
            while block := file.read(1 << 18):
                peer.sendall(block)
        thread.join()
        return time.perf_counter() - start


def transfers(local: LocalConsortium) -> list[dict[str, object]]:
    """What members sent, from their logs: objects of more than a million bytes."""
    found = []
    for log in sorted(local.folder.glob("kits/hospital-*/proofward/log.jsonl")):
        for line in map(json.loads, log.read_text().splitlines()):
            if line["kind"] == "object sent" and line["bytes"] > 1 << 20:
                rate = line["bytes"] / max(line["seconds"], 1e-9) / 1e6
                found.append({"member": line["party"], "bytes": line["bytes"], "seconds": line["seconds"],
                              "megabytes_a_second": round(rate, 1)})  # fmt: skip
    return found


def main() -> None:
    """Runs it once; exit code 1 when the round was not closed or the audit fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="a hidden layer of 384: ciphertexts of 1 MB")
    parser.add_argument("--layers", type=int, default=15)
    options = parser.parse_args()
    scenario = scenario_of(1, SMALL_WIDTH) if options.smallest else scenario_of(options.layers)
    ciphertext = 8 * scenario.plan.config.model.parameters
    folder = Path(tempfile.mkdtemp())
    local = LocalConsortium(folder)
    try:
        records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
        local.create(terms_of(scenario, SERVER, deadline=int(TIMEOUT)), scenario.plan.initial_model, records)
        local.options = ("--verification-workers", "0", "--proving-lock", str(folder / "turns"))
        copy = raw_copy(local, ciphertext)
        peaks = Peaks(local.kits[SERVER])
        peaks.start()
        start = time.perf_counter()
        try:
            local.start_all()
            local.wait(
                TIMEOUT, lambda: print(".", end="", file=sys.stderr) if time.time() % 10 < 0.1 else None
            )
        finally:
            local.stop_all()
        seconds = time.perf_counter() - start
        peaks.done.set()
        rules = local.server.rules
        assert rules is not None
        closed = len(read_ledger(local.ledger, rules).history.closed)
        audited = all(verdict.passed for verdict in RunAudit(local.ledger).run())
        print_result(
            "large_ciphertexts",
            parameters=scenario.plan.config.model.parameters,
            ciphertext_bytes=ciphertext,
            rounds_closed=closed,
            audit_passes=audited,
            seconds=round(seconds, 1),
            transfers=transfers(local),
            raw_tls_copy={"seconds": round(copy, 2), "megabytes_a_second": round(ciphertext / copy / 1e6, 1)},
            server_peak_bytes=peaks.bytes,
            server_job_peak_in_ciphertexts=round(peaks.bytes.get("job", 0) / ciphertext, 2),
            server_peak_in_ciphertexts=round(sum(peaks.bytes.values()) / ciphertext, 2),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if closed != 1 or not audited:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
