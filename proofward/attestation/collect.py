"""Evidence from this machine: Linux `configfs-tsm`, one path for Intel TDX and AMD SEV-SNP.

A folder is made below /sys/kernel/config/tsm/report, 64 bytes are written to `inblob`, and the evidence is
read from `outblob`; `provider` names the kind. `generation` counts writes: where it moved by more than one,
another process has asked meanwhile, and what was read may be its evidence.

This was written from the kernel's documentation (ABI testing, configfs-tsm) and tested against a folder of
files. It was never run on such a machine.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proofward.attestation.binding import Binding
from proofward.attestation.claims import MAX_EVIDENCE_BYTES, SNP, TDX, Item

TSM = Path("/sys/kernel/config/tsm/report")
PROVIDERS = {"tdx_guest": TDX, "sev_guest": SNP}
REPORT_DATA_BYTES = 64


class CannotCollect(Exception):
    """No evidence comes from this machine: what is expected, what was found."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"evidence of this machine: expected {expected}, found {actual}")
        self.expected, self.actual = expected, actual


@dataclass(frozen=True)
class Prepared:
    """Evidence that can be shown: what it is bound to, the time it is verified at, and its parts."""

    binding: Binding
    time: int
    items: tuple[Item, ...]


Attester = Callable[[Binding, int], Prepared | None]
"""Gives the evidence for what it would now be bound to, at a time, or other evidence that was prepared."""


def from_tsm(report_data: bytes, folder: Path = TSM) -> tuple[str, bytes]:
    """(kind, evidence) of this machine for 64 bytes of report data; raises CannotCollect."""
    if len(report_data) != REPORT_DATA_BYTES:
        raise CannotCollect(f"{REPORT_DATA_BYTES} bytes of report data", f"{len(report_data)}")
    place = folder / f"proofward-{os.getpid()}"
    try:
        place.mkdir()
    except OSError as error:
        raise CannotCollect(f"configfs-tsm at {folder}", str(error.strerror)) from error
    try:
        return _asked(place, report_data)
    except (OSError, ValueError) as error:
        raise CannotCollect("files inblob, outblob, provider and generation", str(error)) from error
    finally:
        with contextlib.suppress(OSError):  # in configfs a folder goes with its files
            place.rmdir()


def _asked(place: Path, report_data: bytes) -> tuple[str, bytes]:
    before = int((place / "generation").read_text())
    (place / "inblob").write_bytes(report_data)
    with (place / "outblob").open("rb") as file:
        evidence = file.read(MAX_EVIDENCE_BYTES + 1)
    provider, after = (place / "provider").read_text().strip(), int((place / "generation").read_text())
    if provider not in PROVIDERS:
        raise CannotCollect(f"a provider among {', '.join(PROVIDERS)}", provider[:40])
    if after != before + 1:
        raise CannotCollect("that nobody else asks meanwhile", f"{after - before} requests; try again")
    if not 0 < len(evidence) <= MAX_EVIDENCE_BYTES:
        raise CannotCollect(f"1 to {MAX_EVIDENCE_BYTES} bytes", f"{len(evidence)} or more")
    return PROVIDERS[provider], evidence
