"""Whether recorded evidence holds: the same function for verifiers and for whoever audits the ledger.

Everything that it depends on is recorded: the evidence, its collateral, the time, the ledger that the
evidence names, and the rules. So it comes to the same for ever, also when the collateral has expired.
"""

from __future__ import annotations

from proofward.attestation.binding import Binding
from proofward.attestation.claims import Claims, Item
from proofward.attestation.errors import demand
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.messages.basics.clock import CLOCK_SLACK, in_utc
from proofward.federation.messages.records.attestation import Attestation
from proofward.federation.storage.objects import Objects

DETAIL = 400


def binding_of(history: HistoryState, said: Recorded[Attestation]) -> Binding:
    """What the evidence in a message has to be bound to."""
    own, sender = said.record, said.envelope.sender
    return Binding(history.rules.digest, sender, own.key, own.size, own.root, own.nonce, own.tls)


def items_of(objects: Objects, record: Attestation) -> tuple[Item, ...]:
    """The evidence that a message names; raises Refusal where an object is missing or altered."""
    return tuple(
        Item(part.kind, objects.get(part.evidence), objects.get(part.collateral)) for part in record.parts
    )


def judge(
    history: HistoryState, objects: Objects, said: Recorded[Attestation], at: int | None = None
) -> tuple[Claims, ...]:
    """What the evidence claims; at: another time than the recorded one.

    Raises EvidenceRefused where it does not hold, CannotVerify where it cannot be looked at here, and
    Refusal where an object is missing.
    """
    policy = history.rules.attestation
    assert policy is not None
    _check_age(history, said, policy.maximum_age)
    time = said.record.time if at is None else at
    return policy.verify(items_of(objects, said.record), binding_of(history, said).report_data(), time)


def _check_age(history: HistoryState, said: Recorded[Attestation], most: int) -> None:
    """That the evidence names a recent ledger, and a time between that and the message.

    The ledger's clock at the entry counts as well as the message's time, which is its sender's word: a
    message that was signed long ago and kept back brings old evidence, however it is dated.
    """
    seen, sent, used = history.clocks[said.record.size], said.envelope.time, said.record.time
    recorded = history.clocks[history.recorded.get(said.digest, history.size)]
    expected, age = f"a ledger at most {most} seconds old", max(sent, recorded) - seen
    demand(age <= most, "evidence-age", expected, f"{age} seconds")
    first, last = seen - CLOCK_SLACK, sent + CLOCK_SLACK
    expected = f"a time from {in_utc(first)} to {in_utc(last)}"
    demand(first <= used <= last, "evidence-age", expected, in_utc(used))
