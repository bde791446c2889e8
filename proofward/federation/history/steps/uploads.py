"""First half of a round: the holders' keys, uploads, verdicts."""

from __future__ import annotations

from proofward.federation.history.sharing.sealing_keys import kind_of_keys
from proofward.federation.history.state.history_state import (
    ABANDON,
    BETWEEN,
    KEYS,
    SHARES,
    UPLOAD,
    VERIFY,
    HistoryState,
    Step,
)
from proofward.federation.history.state.judges import (
    drawn_holders,
    judges_of,
    passing,
    require_drawable,
    unjudged,
)
from proofward.federation.history.state.round_state import Recorded, RoundState
from proofward.federation.history.steps.consent import (
    enough_abandoned,
    needed_abandonments,
    releases_left,
    spent_now,
)
from proofward.federation.history.steps.enrolment import DIGEST_BYTES
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    HolderKeyRoot,
    HolderKeys,
    KeysClosed,
    Message,
    RoundOpened,
    Upload,
    UploadsClosed,
    Verdict,
    Verdicts,
    VerdictsClosed,
    VerdictsWidened,
)


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
    if history.phase == ABANDON:
        needed, found = needed_abandonments(history), sorted(history.round.abandonments)
        require(enough_abandoned(history), "abandonments", sender, f"of {needed} hospitals", found)
    if history.current is None:
        require_drawable(history)
    expected = history.opening()[2]
    require(record.participants == expected, "participants", sender, expected, record.participants)
    require(record.model == history.model, "model", sender, history.model, record.model)


def _apply_opened(history: HistoryState, envelope: Envelope, record: RoundOpened) -> None:
    if history.current is None:
        history.admit()
        history.draw_validation_parts()
        drawable, holders = history.drawable, drawn_holders(history, envelope.round)
    else:
        drawable, holders = history.current.drawable, history.committee
        history.left_out |= history.current.gone()
        history.earlier.append(history.current)
    position = envelope.round, envelope.attempt
    history.current = RoundState(
        *position, record.model, record.participants, history.beacon, holders, drawable
    )
    history.phase = KEYS


def _check_keys(history: HistoryState, sender: str, record: HolderKeys) -> None:
    keys = _number_of_keys(history, sender, record, len(record.sealing_keys))
    require(len(set(record.sealing_keys)) == keys, "sealing-keys", sender, "distinct keys", "a repeated key")


def _check_key_root(history: HistoryState, sender: str, record: HolderKeyRoot) -> None:
    size = DIGEST_BYTES if _number_of_keys(history, sender, record, record.number) else 0
    found = len(record.keys), len(record.root)
    require(found == (size, size), "sealing-keys", sender, f"digest and root of {size} bytes", found)


def _number_of_keys(history: HistoryState, sender: str, record: Message, found: int) -> int:
    """How many keys a participant has to say, which it does, in the kind of record that the rules ask."""
    require(sender in history.round.participants, "participant", sender, history.round.participants, sender)
    kind = kind_of_keys(history).kind
    require(record.kind == kind, "sealing-keys", sender, kind, record.kind)
    keys = len(history.dealers) if sender in history.committee else 0
    require(found == keys, "sealing-keys", sender, f"{keys} keys", found)
    return keys


def _apply_keys(history: HistoryState, envelope: Envelope, record: HolderKeys | HolderKeyRoot) -> None:
    history.round.holder_keys[envelope.sender] = record


def _check_keys_closed(history: HistoryState, sender: str, record: KeysClosed) -> None:
    expected = history.active(history.round.holder_keys)
    require(record.hospitals == expected, "participants", sender, expected, record.hospitals)
    least, holders = history.rules.minimum_updates, history.rules.holders_among(expected)
    require(len(holders) >= least, "participants", sender, f"at least {least} hospitals", holders)
    holders, needed = history.holding(expected), history.rules.config.threshold + 1
    require(len(holders) >= needed, "holders", sender, f"at least {needed} of the round's holders", holders)


def _apply_keys_closed(history: HistoryState, envelope: Envelope, record: KeysClosed) -> None:
    history.round.present = record.hospitals
    history.phase = UPLOAD


def _check_upload(history: HistoryState, sender: str, record: Upload) -> None:
    state = history.round
    require(sender in state.present, "participant", sender, state.present, sender)
    require(record.model == state.model, "model", sender, state.model, record.model)
    require(record.beacon == state.beacon, "beacon", sender, state.beacon, record.beacon)
    root = history.dataset_roots[sender]
    require(record.dataset_root == root, "dataset-root", sender, root, record.dataset_root)
    require(record.rows == history.enrolled[sender], "rows", sender, history.enrolled[sender], record.rows)
    used = history.proofs.get(record.proof)
    require(used is None or used[0] != sender, "replayed-proof", sender, "a proof made for this round", used)
    left, cost = releases_left(history, sender), spent_now(history)
    words = f"{cost} of the releases not spent yet"
    require(left is None or left >= cost, "privacy-budget", sender, words, left)
    lengths = [len(digest) for digest in record.sealed_shares]
    sent = [DIGEST_BYTES if name in state.present and name != sender else 0 for name in state.committee]
    expected = sent + [0] * (history.rules.config.holders - len(sent))
    require(lengths == expected, "sealed-shares", sender, f"digests of lengths {expected}", lengths)


def _apply_upload(history: HistoryState, envelope: Envelope, record: Upload) -> None:
    history.round.uploads[envelope.sender] = Recorded(envelope, record)
    history.proofs.setdefault(record.proof, (envelope.sender, history.round.number))


def _check_uploads_closed(history: HistoryState, sender: str, record: UploadsClosed) -> None:
    expected = tuple(sorted(history.round.uploads))
    require(record.hospitals == expected, "uploaded-set", sender, expected, record.hospitals)
    least, holders = history.rules.minimum_updates, history.rules.holders_among(expected)
    require(len(holders) >= least, "uploaded-set", sender, f"at least {least} hospitals", holders)


def _apply_uploads_closed(history: HistoryState, envelope: Envelope, record: UploadsClosed) -> None:
    history.round.uploaded = record.hospitals
    history.phase = VERIFY


def _check_verdict(history: HistoryState, sender: str, record: Verdict) -> None:
    _require_way(history, sender, record)
    _check_own_verdict(history, sender, record)


def _check_verdicts(history: HistoryState, sender: str, record: Verdicts) -> None:
    _require_way(history, sender, record)
    found = tuple(verdict.hospital for verdict in record.verdicts)
    require(found == tuple(sorted(set(found))), "verdict", sender, "hospitals in order, each once", found)
    for verdict in record.verdicts:
        again = (sender, verdict.hospital) in history.round.verdicts
        require(not again, "equivocation", sender, f"one verdict on {verdict.hospital}", "another part's")
        _check_own_verdict(history, sender, verdict)


def _require_way(history: HistoryState, sender: str, record: Message) -> None:
    way = Verdicts.kind if history.rules.scaling.verdicts_together else Verdict.kind
    require(record.kind == way, "verdict", sender, way, record.kind)


def _check_own_verdict(history: HistoryState, sender: str, record: Verdict) -> None:
    said = history.round.uploads.get(record.hospital)
    if said is None:
        expected = describe(f"one of {sorted(history.round.uploads)}")
        raise Refusal("hospital", sender, expected, describe(record.hospital))
    require(record.upload == said.digest, "subject", sender, said.digest, record.upload)
    judges = judges_of(history, record.hospital)
    require(sender in judges, "judges", sender, f"one of {judges}", sender)
    size = DIGEST_BYTES if record.accepted else 0
    require(
        len(record.dataset_root) == size, "verdict", sender, f"a root of {size} bytes", record.dataset_root
    )
    bound = record.accepted == (record.share_binding != b"")
    require(bound, "verdict", sender, "a share binding iff accepted", record.share_binding)
    stays = history.counting is not None and not history.counting.proved
    same = not record.accepted or not stays or record.dataset_root == said.record.dataset_root
    root = said.record.dataset_root
    require(same, "verdict", sender, root, record.dataset_root)
    require(
        record.accepted == (record.check == ""), "verdict", sender, "a check's name iff refused", record.check
    )


def _apply_verdict(history: HistoryState, envelope: Envelope, record: Verdict) -> None:
    history.round.verdicts[envelope.sender, record.hospital] = record


def _apply_verdicts(history: HistoryState, envelope: Envelope, record: Verdicts) -> None:
    for verdict in record.verdicts:
        _apply_verdict(history, envelope, verdict)


def _check_widened(history: HistoryState, sender: str, record: VerdictsWidened) -> None:
    expected = unjudged(history)
    require(record.hospitals == expected != (), "judges", sender, expected or "somebody", record.hospitals)


def _apply_widened(history: HistoryState, envelope: Envelope, record: VerdictsWidened) -> None:
    history.round.widened.update(record.hospitals)


def _check_verdicts_closed(history: HistoryState, sender: str, record: VerdictsClosed) -> None:
    waiting = unjudged(history)
    require(waiting == (), "judges", sender, "verdicts of all verifiers that were drawn", waiting)
    expected = tuple(passing(history))
    require(record.hospitals == expected, "passed-set", sender, expected, record.hospitals)


def _apply_verdicts_closed(history: HistoryState, envelope: Envelope, record: VerdictsClosed) -> None:
    passed = passing(history)
    history.round.passed = passed
    history.dataset_roots.update({name: finding.dataset_root for name, finding in passed.items()})
    history.phase = SHARES


STEPS: dict[str, Step] = {
    RoundOpened.kind: Step((AGGREGATOR,), (BETWEEN, ABANDON), _check_opened, _apply_opened),
    HolderKeys.kind: Step((HOSPITAL,), (KEYS,), _check_keys, _apply_keys),
    HolderKeyRoot.kind: Step((HOSPITAL,), (KEYS,), _check_key_root, _apply_keys),
    KeysClosed.kind: Step((AGGREGATOR,), (KEYS,), _check_keys_closed, _apply_keys_closed),
    Upload.kind: Step((HOSPITAL,), (UPLOAD,), _check_upload, _apply_upload),
    UploadsClosed.kind: Step((AGGREGATOR,), (UPLOAD,), _check_uploads_closed, _apply_uploads_closed),
    Verdict.kind: Step((VERIFIER,), (UPLOAD, VERIFY), _check_verdict, _apply_verdict),
    Verdicts.kind: Step((VERIFIER,), (UPLOAD, VERIFY), _check_verdicts, _apply_verdicts),
    VerdictsWidened.kind: Step((AGGREGATOR,), (VERIFY,), _check_widened, _apply_widened),
    VerdictsClosed.kind: Step((AGGREGATOR,), (VERIFY,), _check_verdicts_closed, _apply_verdicts_closed),
}
