"""Judges a ledger's folder in a process of its own, and measures what that takes."""

from __future__ import annotations

import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from proofward.ledger.audit import stored_verifier, verify_all
from proofward.ledger.errors import LedgerError
from tests.ledger.conftest import SIGNER
from tests.peak_memory import peak_megabytes


def main(said: Connection, directory: Path) -> None:
    """What is found, the seconds, and the peak of the whole process's memory in MB."""
    started = time.process_time()
    findings = list(verify_all(directory, SIGNER.verifier))
    with suppress(LedgerError):
        stored_verifier(directory)
    failed = [finding for finding in findings if not finding.passed]
    said.send(
        {
            "seconds": time.process_time() - started,
            "megabytes": peak_megabytes(),
            "failed": [f"{finding.check} {finding.subject}" for finding in failed],
            "checks": sorted({finding.check for finding in failed}),
        }
    )
