"""What a member needs, and whether it owes something, in the present phase: for members that cannot ask."""

from __future__ import annotations

from proofward.federation.history import history_state as phases
from proofward.federation.history.history import History
from proofward.federation.history.round_state import RoundState
from proofward.federation.messages.rules import HOSPITAL


def needed_objects(history: History, member: str) -> set[bytes]:
    """Objects without which a member cannot do what it owes in the present phase, and the model."""
    rules, state = history.rules, history.current
    hospital = rules.named(HOSPITAL).index(member) if member in rules.hospitals else None
    objects = {history.model}
    if hospital is None:
        judged = {about for verifier, about in history.enrolment_verdicts if verifier == member}
        waiting = [name for name in history.active(history.enrolments) if name not in judged]
        objects |= {history.enrolments[name].record.proof for name in waiting}
    if state is None:
        return objects
    objects.add(state.model)
    sealed = [state.uploads[dealer].record.sealed_shares for dealer in state.passed]
    if hospital is not None and history.phase in (phases.SHARES, phases.ENDORSE, phases.UNMASK):
        objects |= {digests[hospital] for digests in sealed if digests[hospital]}
    if hospital is None and history.phase in (phases.UPLOAD, phases.VERIFY):
        for name, said in state.uploads.items():
            if (member, name) not in state.verdicts:
                objects |= {said.record.ciphertext, said.record.proof}
    if hospital is None and history.phase == phases.SHARES:
        for holder, dealer in state.complaints:
            objects.add(state.uploads[dealer].record.sealed_shares[rules.holder(holder)])
    if history.phase == phases.CONFIRM and state.accepted is not None:
        accepted = state.accepted.record.hospitals
        objects |= {state.uploads[name].record.ciphertext for name in accepted}
        objects |= {said.values for said in state.share_sums.values()}
    return objects - {b""}


def awaits(history: History, member: str) -> bool:
    """Whether the present phase waits for a message of this member, so that a trip is due."""
    state = history.current
    if member in history.revoked:
        return False
    verifier = member in history.rules.verifiers
    if history.phase == phases.ENROLMENT:
        judged = {about for by, about in history.enrolment_verdicts if by == member}
        return bool(set(history.enrolments) - judged) if verifier else member not in history.enrolments
    return state is not None and member in state.participants and _awaits(history, state, member, verifier)


def _awaits(history: History, state: RoundState, member: str, verifier: bool) -> bool:
    committed = member in state.committed
    match history.phase:
        case phases.COMMIT:
            return member not in state.commitments
        case phases.REVEAL:
            return committed and member not in state.nonces
        case phases.UPLOAD | phases.VERIFY if verifier:
            return any((member, name) not in state.verdicts for name in state.uploads)
        case phases.UPLOAD:
            return committed and member not in state.uploads
        case phases.SHARES if verifier:
            return any((member, *pair) not in state.complaint_verdicts for pair in state.complaints)
        case phases.SHARES:
            return committed and member not in state.checked
        case phases.ENDORSE | phases.UNMASK if verifier:
            return member not in state.endorsements
        case phases.UNMASK if state.accepted is not None:
            ready = state.ready_holders(state.accepted.record.hospitals)
            return member in ready and member not in state.share_sums
        case phases.CONFIRM:
            return member not in state.confirmations
    return False
