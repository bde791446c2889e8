"""What verified evidence says, the same for every kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

TDX, SNP, GPU = "tdx", "snp", "nvidia-gpu"
KINDS = (GPU, SNP, TDX)
PROCESSORS = (SNP, TDX)
"""The kinds that carry the 64 bytes of a binding; a graphics card's report stands beside one of these."""
LABELS: dict[str, tuple[str, ...]] = {
    TDX: ("mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"),
    SNP: ("launch",),
    GPU: ("blocks",),
}
"""By kind, the names of its measurements, 48 bytes each."""
MEASUREMENT_BYTES = 48
DEBUG, MIGRATION = "debug", "migration"
STATES = (DEBUG, MIGRATION)
"""What a machine can be allowed by its owner that opens it to somebody else."""
MAX_EVIDENCE_BYTES = 1 << 16
MAX_COLLATERAL_BYTES = 1 << 18


@dataclass(frozen=True)
class Item:
    """Evidence of one kind: bytes, and the vendor's certificates and lists that it is verified with."""

    kind: str
    evidence: bytes
    collateral: bytes


@dataclass(frozen=True)
class Claims:
    """What the machine says under its vendor's signature.

    bound: 64 bytes of report data, or a graphics card's nonce of 32
    measurements: 48 bytes each, by the labels of the kind
    open_to: those of STATES that its owner has allowed
    status: what the vendor says of its firmware's level, "" where the vendor says nothing
    advisories: names of the vendor's notices that apply
    device: which machine or firmware it is, for people
    """

    kind: str
    bound: bytes
    measurements: Mapping[str, bytes]
    open_to: tuple[str, ...] = ()
    status: str = ""
    advisories: tuple[str, ...] = ()
    device: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For people."""
        found = [f"kind {self.kind}", f"bound to {self.bound.hex()}"]
        found += [f"{label} {value.hex()}" for label, value in self.measurements.items()]
        found.append(f"open to {', '.join(self.open_to) or 'nobody'}")
        if self.status:
            found.append(f"status {self.status} {' '.join(self.advisories)}".rstrip())
        return found + [f"{name} {value}" for name, value in self.device.items()]
