"""Verifiers' fingerprints of ciphertexts, where the rules check sums by them: see `fingerprints`."""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.history.state.history_state import CONFIRM, HistoryState, Step
from proofward.federation.history.sums.fingerprints import contested, owed, settled, unsettled
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.consortium.rules import VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import Fingerprints
from proofward.field.extension import Ext


def said_own(history: HistoryState, verifier: str) -> bool:
    """Whether a verifier has said the fingerprints that it owes, or owes none."""
    state = history.round
    return all((verifier, name) in state.fingerprints for name in owed(history, verifier))


def may_again(history: HistoryState, verifier: str) -> Iterator[str]:
    """Hospitals about whose fingerprints others disagree, of which a verifier owes and has said nothing."""
    own = owed(history, verifier)
    for name in contested(history):
        if (verifier, name) not in history.round.fingerprints and name not in own:
            yield name


def due_again(history: HistoryState, verifier: str) -> Iterator[str]:
    """Those of them that a sum still waits for."""
    return (name for name in may_again(history, verifier) if settled(history, name) is None)


def late_fingerprints(history: HistoryState) -> set[str]:
    """Verifiers whose fingerprints are missing for a sum that cannot be confirmed without them."""
    if not history.rules.scaling.fingerprints or not unsettled(history):
        return set()
    return {
        name
        for name in history.active(history.rules.verifiers)
        if not said_own(history, name) or any(due_again(history, name))
    }


def _check(history: HistoryState, sender: str, record: Fingerprints) -> None:
    said, rules = history.round.aggregate, history.rules
    assert said is not None
    found = rules.scaling.sums
    require(rules.scaling.fingerprints, "fingerprints", sender, "rules with sums by fingerprints", found)
    require(record.aggregate == said.digest, "subject", sender, said.digest, record.aggregate)
    if record.again:
        names = tuple(may_again(history, sender))
        proper = len(record.hospitals) == 1 and set(record.hospitals) <= set(names)
        require(proper, "fingerprints", sender, f"one of {names}", record.hospitals)
    else:
        names = owed(history, sender)
        require(record.hospitals == names != (), "fingerprints", sender, names or "none", record.hospitals)
    count = len(record.hospitals)
    require(len(record.values) == count, "fingerprints", sender, f"{count} values", len(record.values))
    for value in record.values:
        require(_is_element(value), "fingerprints", sender, "canonical elements of E", value)


def _is_element(value: bytes) -> bool:
    try:
        Ext.from_bytes(value)
    except ValueError:
        return False
    return True


def _apply(history: HistoryState, envelope: Envelope, record: Fingerprints) -> None:
    for name, value in zip(record.hospitals, record.values, strict=True):
        history.round.fingerprints[envelope.sender, name] = value


STEPS: dict[str, Step] = {Fingerprints.kind: Step((VERIFIER,), (CONFIRM,), _check, _apply)}
