"""Members that show evidence of machines that is not theirs, not of now, or not what the rules allow.

Each is an `Attester` made of a machine: what a member shows in place of honest evidence. The machines are
made ones, under a root that no vendor stands behind (`attestation.made_authority`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from proofward.attestation.binding import Binding
from proofward.attestation.claims import Item
from proofward.attestation.collect import Attester, Prepared


class Machine(Protocol):
    """A made processor."""

    def item(self, report_data: bytes, /, *, debug: bool = False) -> Item:
        """Its evidence, with collateral."""
        ...

    def collateral(self, /, *, last: datetime) -> bytes:
        """Collateral that was valid up to a time."""
        ...


def honest(machine: Machine) -> Attester:
    """Shows what it is asked for."""
    return lambda binding, time: Prepared(binding, time, (machine.item(binding.report_data()),))


def replays(machine: Machine) -> Attester:
    """Shows what its machine said for an earlier question."""
    return _answering(machine, lambda binding: replace(binding, nonce=bytes(32)))


def of_another(machine: Machine, other: str) -> Attester:
    """Shows the evidence of another member's machine."""
    return _answering(machine, lambda binding: replace(binding, member=other))


def _answering(machine: Machine, changed: Callable[[Binding], Binding]) -> Attester:
    def attest(binding: Binding, time: int) -> Prepared:
        return Prepared(binding, time, (machine.item(changed(binding).report_data()),))

    return attest


def debugged(machine: Machine) -> Attester:
    """Its machine can be debugged by its owner."""
    return lambda binding, time: Prepared(binding, time, (machine.item(binding.report_data(), debug=True),))


def stale(machine: Machine) -> Attester:
    """Brings collateral that had expired."""

    def attest(binding: Binding, time: int) -> Prepared:
        yesterday = datetime.fromtimestamp(time, UTC) - timedelta(days=1)
        item = machine.item(binding.report_data())
        return Prepared(binding, time, (replace(item, collateral=machine.collateral(last=yesterday)),))

    return attest


@dataclass(frozen=True)
class Shown:
    """A dishonest way of showing evidence: its name, who made it so, and the check that refuses it."""

    name: str
    what: str
    check: str
    make: Callable[[Machine, str], Attester]


WAYS = (
    Shown("replayed-quote", "evidence that answered an earlier question", "evidence-binding",
          lambda machine, other: replays(machine)),
    Shown("quote-of-another-member", "evidence of another member's machine", "evidence-binding", of_another),
    Shown("debug-policy", "a machine that its owner can debug", "evidence-debug",
          lambda machine, other: debugged(machine)),
    Shown("stale-collateral", "collateral that had expired", "evidence-time",
          lambda machine, other: stale(machine)),
)  # fmt: skip
