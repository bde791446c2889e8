"""First half of a round: nonces and beacon, uploads, verdicts."""

from __future__ import annotations

from proofward.federation.history.enrolment_steps import DIGEST_BYTES
from proofward.federation.history.history_state import (
    BETWEEN,
    COMMIT,
    REVEAL,
    SHARES,
    UPLOAD,
    VERIFY,
    HistoryState,
    Step,
)
from proofward.federation.history.round_state import RoundState, Said
from proofward.federation.messages.beacon import derive_beacon, nonce_commitment
from proofward.federation.messages.catalogue import (
    AttemptAbandoned,
    BeaconFixed,
    CommitmentsClosed,
    NonceCommitment,
    NonceReveal,
    RoundOpened,
    Upload,
    UploadsClosed,
    Verdict,
    VerdictsClosed,
)
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.refusal import require
from proofward.federation.messages.rules import AGGREGATOR, HOSPITAL, VERIFIER


def _check_opened(history: HistoryState, sender: str, record: RoundOpened) -> None:
    require(
        len(history.closed) < history.rules.rounds,
        "round",
        sender,
        f"{history.rules.rounds} rounds",
        "one more",
    )
    verifiers, quorum = history.active(history.rules.verifiers), history.rules.accepting_verdicts
    require(len(verifiers) >= quorum, "verifiers", sender, f"at least {quorum} not revoked", verifiers)
    expected = history.opening()[2]
    require(record.participants == expected, "participants", sender, expected, record.participants)
    require(record.model == history.model, "model", sender, history.model, record.model)


def _apply_opened(history: HistoryState, envelope: Envelope, record: RoundOpened) -> None:
    if history.current is None:
        history.admit()
    history.current = RoundState(envelope.round, envelope.attempt, record.model, record.participants)
    history.phase = COMMIT


def _check_commitment(history: HistoryState, sender: str, record: NonceCommitment) -> None:
    require(sender in history.round.participants, "participant", sender, history.round.participants, sender)
    keys = len(history.rules.hospitals) if sender in history.rules.hospitals else 0
    require(
        len(record.sealing_keys) == keys, "sealing-keys", sender, f"{keys} keys", len(record.sealing_keys)
    )
    require(len(set(record.sealing_keys)) == keys, "sealing-keys", sender, "distinct keys", "a repeated key")


def _apply_commitment(history: HistoryState, envelope: Envelope, record: NonceCommitment) -> None:
    history.round.commitments[envelope.sender] = record


def _check_commitments_closed(history: HistoryState, sender: str, record: CommitmentsClosed) -> None:
    expected = history.active(history.round.commitments)
    require(record.participants == expected, "participants", sender, expected, record.participants)
    hospitals = [name for name in expected if name in history.rules.hospitals]
    least = max(history.rules.minimum_updates, history.rules.config.threshold + 1)
    require(len(hospitals) >= least, "participants", sender, f"at least {least} hospitals", hospitals)


def _apply_commitments_closed(history: HistoryState, envelope: Envelope, record: CommitmentsClosed) -> None:
    history.round.committed = record.participants
    history.phase = REVEAL


def _check_reveal(history: HistoryState, sender: str, record: NonceReveal) -> None:
    state = history.round
    require(sender in state.committed, "participant", sender, state.committed, sender)
    found = nonce_commitment(history.rules.digest, state.number, state.attempt, sender, record.nonce)
    expected = state.commitments[sender].commitment
    require(
        found == expected, "nonce", sender, f"the opening of {expected.hex()}", f"an opening of {found.hex()}"
    )


def _apply_reveal(history: HistoryState, envelope: Envelope, record: NonceReveal) -> None:
    history.round.nonces[envelope.sender] = record.nonce


def missing_nonces(state: RoundState) -> tuple[str, ...]:
    """Participants that committed and have not revealed."""
    return tuple(name for name in state.committed if name not in state.nonces)


def _check_abandoned(history: HistoryState, sender: str, record: AttemptAbandoned) -> None:
    expected = missing_nonces(history.round)
    require(record.missing == expected != (), "missing", sender, expected or "somebody", record.missing)


def _apply_abandoned(history: HistoryState, envelope: Envelope, record: AttemptAbandoned) -> None:
    history.abandoned = record.missing
    history.withheld.append((history.round.number, record.missing))
    history.phase = BETWEEN


def _check_beacon(history: HistoryState, sender: str, record: BeaconFixed) -> None:
    state = history.round
    missing = missing_nonces(state)
    require(not missing, "beacon", sender, "a nonce of every participant", f"none of {missing}")
    expected = derive_beacon(history.rules.digest, state.number, state.attempt, state.nonces)
    require(record.beacon == expected, "beacon", sender, expected, record.beacon)


def _apply_beacon(history: HistoryState, envelope: Envelope, record: BeaconFixed) -> None:
    history.round.beacon = record.beacon
    history.phase = UPLOAD


def _check_upload(history: HistoryState, sender: str, record: Upload) -> None:
    state, rules = history.round, history.rules
    require(sender in state.committed, "participant", sender, state.committed, sender)
    require(record.model == state.model, "model", sender, state.model, record.model)
    require(record.beacon == state.beacon, "beacon", sender, state.beacon, record.beacon)
    root = history.dataset_roots[sender]
    require(record.dataset_root == root, "dataset-root", sender, root, record.dataset_root)
    require(record.rows == history.enrolled[sender], "rows", sender, history.enrolled[sender], record.rows)
    used = history.proofs.get(record.proof)
    require(used is None or used[0] != sender, "replayed-proof", sender, "a proof made for this round", used)
    lengths = [len(digest) for digest in record.sealed_shares]
    expected = [DIGEST_BYTES if name in state.committed and name != sender else 0 for name in rules.hospitals]
    require(lengths == expected, "sealed-shares", sender, f"digests of lengths {expected}", lengths)


def _apply_upload(history: HistoryState, envelope: Envelope, record: Upload) -> None:
    history.round.uploads[envelope.sender] = Said(envelope, record)
    history.proofs.setdefault(record.proof, (envelope.sender, history.round.number))


def _check_uploads_closed(history: HistoryState, sender: str, record: UploadsClosed) -> None:
    expected = tuple(sorted(history.round.uploads))
    require(record.hospitals == expected, "uploaded-set", sender, expected, record.hospitals)
    least = history.rules.minimum_updates
    require(len(expected) >= least, "uploaded-set", sender, f"at least {least} hospitals", expected)


def _apply_uploads_closed(history: HistoryState, envelope: Envelope, record: UploadsClosed) -> None:
    history.round.uploaded = record.hospitals
    history.phase = VERIFY


def _check_verdict(history: HistoryState, sender: str, record: Verdict) -> None:
    said = history.round.uploads.get(record.hospital)
    require(said is not None, "hospital", sender, f"one of {sorted(history.round.uploads)}", record.hospital)
    assert said is not None
    require(record.upload == said.digest, "subject", sender, said.digest, record.upload)
    size = DIGEST_BYTES if record.accepted else 0
    require(
        len(record.dataset_root) == size, "verdict", sender, f"a root of {size} bytes", record.dataset_root
    )
    bound = record.accepted == (record.share_binding != b"")
    require(bound, "verdict", sender, "a share binding iff accepted", record.share_binding)
    require(
        record.accepted == (record.check == ""), "verdict", sender, "a check's name iff refused", record.check
    )


def _apply_verdict(history: HistoryState, envelope: Envelope, record: Verdict) -> None:
    history.round.verdicts[envelope.sender, record.hospital] = record


def _check_verdicts_closed(history: HistoryState, sender: str, record: VerdictsClosed) -> None:
    expected = tuple(history.round.passing(history.rules.accepting_verdicts))
    require(record.hospitals == expected, "passed-set", sender, expected, record.hospitals)


def _apply_verdicts_closed(history: HistoryState, envelope: Envelope, record: VerdictsClosed) -> None:
    passed = history.round.passing(history.rules.accepting_verdicts)
    history.round.passed = passed
    history.dataset_roots.update({name: finding.dataset_root for name, finding in passed.items()})
    history.phase = SHARES


STEPS: dict[str, Step] = {
    RoundOpened.kind: Step((AGGREGATOR,), (BETWEEN,), _check_opened, _apply_opened),
    NonceCommitment.kind: Step((HOSPITAL, VERIFIER), (COMMIT,), _check_commitment, _apply_commitment),
    CommitmentsClosed.kind: Step(
        (AGGREGATOR,), (COMMIT,), _check_commitments_closed, _apply_commitments_closed
    ),
    NonceReveal.kind: Step((HOSPITAL, VERIFIER), (REVEAL,), _check_reveal, _apply_reveal),
    AttemptAbandoned.kind: Step((AGGREGATOR,), (REVEAL,), _check_abandoned, _apply_abandoned),
    BeaconFixed.kind: Step((AGGREGATOR,), (REVEAL,), _check_beacon, _apply_beacon),
    Upload.kind: Step((HOSPITAL,), (UPLOAD,), _check_upload, _apply_upload),
    UploadsClosed.kind: Step((AGGREGATOR,), (UPLOAD,), _check_uploads_closed, _apply_uploads_closed),
    Verdict.kind: Step((VERIFIER,), (UPLOAD, VERIFY), _check_verdict, _apply_verdict),
    VerdictsClosed.kind: Step((AGGREGATOR,), (VERIFY,), _check_verdicts_closed, _apply_verdicts_closed),
}
