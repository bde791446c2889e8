"""Who belongs to the consortium, and under which key: revocations and changes of keys, in every phase.

A revoked member's earlier messages stand: its upload counts, its verdicts and share sums too; its enrolment
does not when no round has admitted it yet. A message of either kind belongs to no round: it may be recorded
in a later one than it was signed in, once.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import ANY_PHASE, HistoryState, Step
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import KeyRotation, RevocationVote
from proofward.ledger.errors import SignatureInvalid
from proofward.ledger.keys import PublicKey, SigningKey, sign, verify

ROTATION_CONTEXT = b"proofward/key-rotation/v1"
MAX_ROTATIONS = 64
"""Changes of one member's key: enough for a federation, and no way to fill the ledger."""


def rotation_payload(consortium: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """What a new key signs: digest of the rules, old and new public key (32 bytes each), member's name."""
    return consortium + old + new + name.encode()


def rotation(consortium: bytes, name: str, old: bytes, new: SigningKey) -> KeyRotation:
    """The record with which a member changes from its present public key to a new one."""
    payload = rotation_payload(consortium, name, old, new.public.raw)
    return KeyRotation(new.public.raw, sign(payload, new, ROTATION_CONTEXT))


def is_rotation(consortium: bytes, name: str, old: bytes, record: KeyRotation) -> bool:
    """Whether the new key has signed that this member changes from its old public key to it."""
    payload = rotation_payload(consortium, name, old, record.key)
    try:
        verify(payload, record.proof, PublicKey(record.key), ROTATION_CONTEXT)
    except (SignatureInvalid, ValueError):
        return False
    return True


def may_vote(history: HistoryState, sender: str, member: str) -> bool:
    """Whether `sender` may vote about `member`: a verifier about everybody, everybody about itself."""
    return sender == member or sender in history.rules.verifiers


def votes_against(history: HistoryState, member: str) -> dict[str, str]:
    """Reasons by sender, ascending, of all votes about a member."""
    votes = history.revocation_votes.items()
    return dict(sorted((sender, vote.reason) for (sender, about), vote in votes if about == member))


def _check_vote(history: HistoryState, sender: str, record: RevocationVote) -> None:
    others = (*history.hospitals, *history.rules.verifiers)
    require(record.member in others, "member", sender, "a hospital or verifier", record.member)
    allowed = may_vote(history, sender, record.member)
    require(allowed, "revocation", sender, f"a verifier, or {record.member} itself", sender)


def _apply_vote(history: HistoryState, envelope: Envelope, record: RevocationVote) -> None:
    member = record.member
    history.revocation_votes[envelope.sender, member] = record
    votes = votes_against(history, member)
    counted = history.active(name for name in votes if name in history.rules.verifiers)
    decided = member in votes or len(counted) >= history.rules.accepting_verdicts
    if decided and member not in history.revoked:
        history.revoked[member] = history.size
        history.revoked_in.append((history.position()[0], member))


def _check_rotation(history: HistoryState, sender: str, record: KeyRotation) -> None:
    owner = history.used_keys.get(record.key)
    require(owner is None, "key-used", sender, "a key that nobody has or had", f"one of {owner}")
    changes = sum(name == sender for name in history.used_keys.values()) - 1
    require(changes < MAX_ROTATIONS, "rotations", sender, f"at most {MAX_ROTATIONS}", "one more")
    proved = is_rotation(history.rules.digest, sender, history.keys[sender], record)
    require(proved, "key-proof", sender, "the new key's signature of the change", record.proof)


def _apply_rotation(history: HistoryState, envelope: Envelope, record: KeyRotation) -> None:
    if envelope.sender in history.rules.verifiers:
        history.heads.rotations.append((history.size, envelope.data))
    history.keys[envelope.sender] = record.key
    history.used_keys[record.key] = envelope.sender


STEPS: dict[str, Step] = {
    RevocationVote.kind: Step((HOSPITAL, VERIFIER), ANY_PHASE, _check_vote, _apply_vote),
    KeyRotation.kind: Step((HOSPITAL, VERIFIER), ANY_PHASE, _check_rotation, _apply_rotation),
}
