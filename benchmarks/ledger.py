"""Speed of the ledger: durable appends, proofs, opening, sealing and audit, as JSON.

python benchmarks/ledger.py [--entries 2000] [--entry-bytes 1000] [--directory DIR] [--smallest]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from _machine import print_result

from proofward.encoding import encode_item
from proofward.ledger.audit import verify_all
from proofward.ledger.keys import SigningKey
from proofward.ledger.log import Log
from proofward.ledger.merkle_log import HASH_BYTES, leaf_hash, verify_consistency, verify_inclusion
from proofward.ledger.note import NoteSigner


def measure(directory: Path, entries: int, entry_bytes: int) -> dict[str, object]:
    """Rates per second and sizes in bytes, for a log of `entries` entries, each its own transaction."""
    signer = NoteSigner("benchmark.example/log", SigningKey(bytes(32)))
    records = [
        encode_item({"kind": "benchmark", "index": index, "data": bytes(entry_bytes)})
        for index in range(entries)
    ]
    result: dict[str, object] = {"entries": entries, "entry_bytes": len(records[0])}
    with Log(directory, signer.verifier, signer, create=True) as log:
        start = time.perf_counter()
        for record in records:
            log.append(record)
        result["durable_appends_per_second"] = round(entries / (time.perf_counter() - start))
        start = time.perf_counter()
        digests = [log.objects.put(record) for record in records[:200]]
        result["durable_objects_per_second"] = round(len(digests) / (time.perf_counter() - start))

        root, sample = log.root(), range(0, entries, max(1, entries // 500))
        start = time.perf_counter()
        inclusion = [log.inclusion_proof(position) for position in sample]
        result["inclusion_proofs_per_second"] = round(len(inclusion) / (time.perf_counter() - start))
        result["largest_inclusion_proof_bytes"] = HASH_BYTES * max(map(len, inclusion))
        consistency = [log.consistency_proof(first) for first in sample]
        result["largest_consistency_proof_bytes"] = HASH_BYTES * max(map(len, consistency))
        roots = [log.root(first) for first in sample]
        start = time.perf_counter()
        for position, proof in zip(sample, inclusion, strict=True):
            verify_inclusion(leaf_hash(records[position]), position, entries, proof, root)
        for first, first_root, proof in zip(sample, roots, consistency, strict=True):
            verify_consistency(first, entries, first_root, root, proof)
        result["proofs_verified_per_second"] = round(2 * len(sample) / (time.perf_counter() - start))
        result["checkpoint_bytes"] = len(log.checkpoint() or b"")

    start = time.perf_counter()
    with Log(directory, signer.verifier, signer) as log:
        result["entries_reconciled_per_second"] = round(entries / (time.perf_counter() - start))
        start = time.perf_counter()
        seal = log.seal()
        result["seal_seconds"] = round(time.perf_counter() - start, 4)
    result["seal_bytes"] = len(seal)
    result["database_bytes"] = (directory / "ledger.db").stat().st_size
    start = time.perf_counter()
    findings = list(verify_all(directory, signer.verifier))
    result["entries_audited_per_second"] = round(entries / (time.perf_counter() - start))
    result["audit_findings"] = len(findings)
    result["audit_failures"] = sum(not finding.passed for finding in findings)
    return result


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--entry-bytes", type=int, default=1000)
    parser.add_argument(
        "--directory", type=Path, help="where to make the ledger: decides what an fsync costs"
    )
    parser.add_argument("--smallest", action="store_true", help="50 entries")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        entries = 50 if options.smallest else options.entries
        result = measure(Path(folder) / "ledger", entries, options.entry_bytes)
    print_result("ledger", **result)


if __name__ == "__main__":
    main()
