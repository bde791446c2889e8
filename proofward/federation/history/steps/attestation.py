"""Evidence of members' machines on the ledger: who has shown it, and what k of the verifiers say of it.

A member shows evidence once for each of its keys. Whether evidence holds is the verifiers' business
(`attestation_judging`); here it is counted. Where the rules require it of hospitals, one enrols only when
enough verifiers have accepted the evidence for its present key. Where they require it of verifiers or of the
aggregator, the enrolment is not closed before that of each which is not revoked is accepted.

Nothing else depends on it: no proof, no weight, no verdict on a proof and no sum.
"""

from __future__ import annotations

from collections import Counter

from proofward.attestation.claims import PROCESSORS
from proofward.federation.history.state.history_state import ANY_PHASE, ENROLMENT, HistoryState, Step
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.attestation import Attestation, AttestationVerdict

NONE_SHOWN, NOT_JUDGED = "none", "not judged yet"


def shown(history: HistoryState, member: str) -> Recorded[Attestation] | None:
    """The evidence for a member's present key, if it is on record."""
    key = history.keys.get(member)
    return None if key is None else history.attestations.get((member, key))


def verdicts_on(history: HistoryState, said: Recorded[Attestation]) -> dict[str, AttestationVerdict]:
    """What verifiers have said of evidence, by name, ascending."""
    return dict(sorted(history.attestation_verdicts.get(said.digest, {}).items()))


def accepted(history: HistoryState, member: str) -> bool:
    """Whether enough verifiers have accepted the evidence for a member's present key."""
    said = shown(history, member)
    votes = verdicts_on(history, said).values() if said is not None else ()
    return sum(vote.accepted for vote in votes) >= history.rules.accepting_verdicts


def refused(history: HistoryState, member: str) -> str:
    """Why the evidence for a member's present key cannot be accepted any more; "" while it can."""
    said = shown(history, member)
    if said is None:
        return ""
    votes = verdicts_on(history, said)
    reasons = [f"{vote.check}: {vote.detail}" for vote in votes.values() if not vote.accepted]
    hopeful = len(history.rules.verifiers) - len(reasons) >= history.rules.accepting_verdicts
    return "" if hopeful else Counter(reasons).most_common(1)[0][0]


def lacking(history: HistoryState, member: str, role: str) -> str:
    """What keeps a member of this role from going on, in words; "" where nothing is asked or all is there."""
    policy = history.rules.attestation
    if policy is None or not policy.asks(role) or accepted(history, member):
        return ""
    return refused(history, member) or (NONE_SHOWN if shown(history, member) is None else NOT_JUDGED)


def in_words(history: HistoryState, member: str) -> str:
    """How a member's evidence stands, for people; "" where the rules ask for none and it has shown none."""
    policy, said, found = history.rules.attestation, shown(history, member), history.find(member)
    if policy is None or found is None:
        return ""
    if said is None:
        return "no evidence of its machine" if found.role in policy.roles else ""
    kinds = ", ".join(part.kind for part in said.record.parts)
    if accepted(history, member):
        return f"evidence of its machine ({kinds}) accepted"
    reason = refused(history, member)
    return f"evidence of its machine ({kinds}) {f'refused: {reason}' if reason else NOT_JUDGED}"


def barred(history: HistoryState) -> dict[str, str]:
    """By name, why hospitals whose required evidence was refused cannot enrol with their present key."""
    asked = (name for name in history.active(history.hospitals) if lacking(history, name, HOSPITAL))
    return {name: reason for name in asked if (reason := refused(history, name))}


def awaited_evidence(history: HistoryState) -> tuple[str, ...]:
    """Verifiers and the aggregator, not revoked, without whose evidence the enrolment is not closed."""
    rules = history.rules
    found = [name for name in history.active(rules.verifiers) if lacking(history, name, VERIFIER)]
    return (*found, *([rules.aggregator] if lacking(history, rules.aggregator, AGGREGATOR) else []))


def hindrance(history: HistoryState, member: str) -> str:
    """Why an operator has to see to a member's evidence before it, or all, can go on; "" where not."""
    found = history.find(member)
    if found is None:
        return ""
    waiting = history.phase in ANY_PHASE and member not in history.joined
    if found.role != HOSPITAL:
        waiting = history.phase == ENROLMENT
    reason = lacking(history, member, found.role) if waiting else ""
    return "" if reason == NOT_JUDGED else reason


def require_hope(history: HistoryState) -> None:
    """Raises Refusal where required evidence of the aggregator was refused: it has one key for good."""
    name = history.rules.aggregator
    reason = refused(history, name) if lacking(history, name, AGGREGATOR) else ""
    require(not reason, "attestation", name, "evidence that enough verifiers can still accept", reason)


def require_evidence(history: HistoryState, sender: str, role: str) -> None:
    """Raises Refusal against a member whose evidence the rules require and enough verifiers do not accept."""
    found = lacking(history, sender, role)
    require(not found, "attestation", sender, "evidence that enough verifiers have accepted", found)


def require_all(history: HistoryState) -> None:
    """Raises Refusal while the evidence of a verifier or of the aggregator is awaited."""
    for name in awaited_evidence(history):
        member = history.find(name)
        assert member is not None
        require_evidence(history, name, member.role)


def _check_shown(history: HistoryState, sender: str, record: Attestation) -> None:
    policy = history.rules.attestation
    require(policy is not None, "attestation", sender, "none by these rules", "evidence")
    assert policy is not None
    kinds = [part.kind for part in record.parts]
    proper = kinds == sorted(set(kinds)) and len(set(kinds) & set(PROCESSORS)) == 1
    proper = proper and set(kinds) <= set(policy.kinds)
    expected = f"evidence of one processor, of kinds {', '.join(policy.kinds)}, each once"
    require(proper, "attestation", sender, expected, ", ".join(kinds))
    require(record.key == history.keys[sender], "key", sender, history.keys[sender], record.key)
    size, root = record.size, record.root
    seen = 1 <= size <= history.size and history.roots[size] == root
    require(seen, "ledger-view", sender, "a size and root that the ledger had", f"{size}: {root.hex()}")
    require(len(record.tls) in (0, 32), "attestation", sender, "a digest of 0 or 32 bytes", record.tls)


def _apply_shown(history: HistoryState, envelope: Envelope, record: Attestation) -> None:
    history.attestations[envelope.sender, record.key] = Recorded(envelope, record)


def _check_verdict(history: HistoryState, sender: str, record: AttestationVerdict) -> None:
    said = {own.digest for (name, _), own in history.attestations.items() if name == record.member}
    require(bool(said), "hospital", sender, "a member that has shown evidence", record.member)
    require(record.attestation in said, "subject", sender, "evidence of that member", record.attestation)
    proper = record.accepted == (record.check == "")
    require(proper, "verdict", sender, "a check's name iff refused", record.check)


def _apply_verdict(history: HistoryState, envelope: Envelope, record: AttestationVerdict) -> None:
    history.attestation_verdicts.setdefault(record.attestation, {})[envelope.sender] = record


STEPS: dict[str, Step] = {
    Attestation.kind: Step((AGGREGATOR, HOSPITAL, VERIFIER), ANY_PHASE, _check_shown, _apply_shown),
    AttestationVerdict.kind: Step((VERIFIER,), ANY_PHASE, _check_verdict, _apply_verdict),
}
