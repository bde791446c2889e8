"""Keys on a chain, and seals of rounds, where the rules have the ledger anchored.

A member with a seat says its chain key before the first round opens. Each key signs for the other: the chain
key in the record, over the consortium, the member and its Ed25519 key, and the Ed25519 key on the envelope.

A seal is recorded as it comes, once for a round, also after the round is closed. Nobody waits for it and
nothing in the federation follows from it. Its signatures, over what only the chain's own hash can digest, are
checked by whoever anchors or audits: what does not hold there counts for nothing.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from proofward.federation.history.state.history_state import ANY_PHASE, ROUND_PHASES, HistoryState, Step
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.messages.basics.refusal import Refusal, require
from proofward.federation.messages.beacon import hash_parts
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from proofward.federation.messages.consortium.rules import HOSPITAL, VERIFIER
from proofward.federation.messages.consortium.usual import CHAIN_KEY_KINDS, P256, SECP256K1
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import ChainKeySaid, RoundSeal, VerdictReceipt
from proofward.federation.messages.records.chain import SEAL_BYTES

_BINDING = b"proofward/chain-key/v1"
_CURVES = {SECP256K1: ec.SECP256K1(), P256: ec.SECP256R1()}


def binding_payload(consortium: bytes, chain_id: int, member: str, key: bytes, curve: str) -> bytes:
    """What a chain key signs, with ECDSA and SHA-256: whose it is (32 bytes). key: Ed25519, public."""
    return hash_parts(
        _BINDING, consortium, chain_id.to_bytes(8, "big"), member.encode(), key, curve.encode()
    )


def is_signed(curve: str, point: bytes, payload: bytes, proof: bytes) -> bool:
    """Whether `proof` (r and s) is a signature of the key at `point` (x and y); False where that is none."""
    x, y, r, s = (int.from_bytes(part, "big") for part in (point[:32], point[32:], proof[:32], proof[32:]))
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, _CURVES[curve]).public_key()
        key.verify(encode_dss_signature(r, s), payload, ec.ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def seated(history: HistoryState, sender: str, check: str) -> ChainTerms:
    """What the rules say of the chain; raises Refusal when they name none, or no seat of this member."""
    terms = history.rules.chain
    if terms is None:
        raise Refusal(check, sender, "no such message, since these rules name no chain", "one")
    require(sender in terms.seats, check, sender, f"one of {terms.seats}", sender)
    return terms


def _check_key(history: HistoryState, sender: str, record: ChainKeySaid) -> None:
    terms = seated(history, sender, "chain-key")
    early = history.current is None and not history.closed
    require(early, "phase", sender, "a chain key before the first round opens", history.phase)
    require(record.curve in CHAIN_KEY_KINDS, "chain-key", sender, CHAIN_KEY_KINDS, record.curve)
    known = {said.record.key: name for name, said in history.chain_keys.items()}
    owner = known.get(record.key)
    require(owner is None, "chain-key", sender, "a key that nobody has", f"that of {owner}")
    payload = binding_payload(
        history.rules.digest, terms.chain_id, sender, history.keys[sender], record.curve
    )
    proved = is_signed(record.curve, record.key, payload, record.proof)
    require(proved, "chain-key", sender, "the chain key's signature of whose it is", record.proof)


def _apply_key(history: HistoryState, envelope: Envelope, record: ChainKeySaid) -> None:
    history.chain_keys[envelope.sender] = Recorded(envelope, record)


def _check_seal(history: HistoryState, sender: str, record: RoundSeal) -> None:
    seated(history, sender, "round-seal")
    has_key = sender in history.chain_keys
    require(has_key, "round-seal", sender, "a member whose chain key is recorded", sender)
    outcome = history.outcomes.get(record.round)
    if outcome is None:
        expected = f"a round of {sorted(history.outcomes)}"
        raise Refusal("round-seal", sender, expected, str(record.round))
    require(record.aggregate == outcome.aggregate, "subject", sender, outcome.aggregate, record.aggregate)
    size = SEAL_BYTES if outcome.new_weights else 0
    expected = f"{size} bytes over the weights"
    require(len(record.weights) == size, "round-seal", sender, expected, f"{len(record.weights)} bytes")


def _apply_seal(history: HistoryState, envelope: Envelope, record: RoundSeal) -> None:
    history.seals[record.round, envelope.sender] = record


def _check_receipt(history: HistoryState, sender: str, record: VerdictReceipt) -> None:
    terms = seated(history, sender, "verdict-receipt")
    asked = terms.receipts and sender in history.chain_keys
    require(asked, "verdict-receipt", sender, "rules with receipts, and a recorded chain key", sender)
    said = history.round.verdicts.get((sender, record.hospital))
    if said is None:
        raise Refusal("verdict-receipt", sender, "a verdict that it has said", record.hospital)
    require(record.upload == said.upload, "subject", sender, said.upload, record.upload)


def _apply_receipt(history: HistoryState, envelope: Envelope, record: VerdictReceipt) -> None:
    history.round.receipts[envelope.sender, record.hospital] = record


STEPS: dict[str, Step] = {
    ChainKeySaid.kind: Step((HOSPITAL, VERIFIER), ANY_PHASE, _check_key, _apply_key),
    VerdictReceipt.kind: Step((VERIFIER,), ROUND_PHASES, _check_receipt, _apply_receipt),
    RoundSeal.kind: Step((HOSPITAL, VERIFIER), ANY_PHASE, _check_seal, _apply_seal),
}
