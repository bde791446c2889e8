"""What a member needs, and whether it owes something, in the present phase: for members that cannot ask."""

from __future__ import annotations

from proofward.federation.history.history import History
from proofward.federation.history.progress.waiting import judging, waits_for
from proofward.federation.history.sharing.sealing_keys import key_objects
from proofward.federation.history.state import history_state as phases
from proofward.federation.history.state.judges import judges_of
from proofward.federation.history.steps.attestation import verdicts_on
from proofward.federation.history.steps.fingerprints import due_again
from proofward.federation.history.sums.counted import counted_objects
from proofward.federation.history.sums.fingerprints import owed
from proofward.federation.messages.consortium.rules import HOSPITAL


def needed_objects(history: History, member: str) -> set[bytes]:
    """Objects without which a member cannot do what it owes in the present phase, and the model."""
    rules, state = history.rules, history.current
    hospital = rules.named(HOSPITAL).index(member) if member in rules.hospitals else None
    objects = {history.model}
    if hospital is None:
        judged = {about for verifier, about in history.enrolment_verdicts if verifier == member}
        waiting = [name for name in history.active(history.enrolments) if name not in judged]
        objects |= {history.enrolments[name].record.proof for name in waiting}
    if hospital is None:
        for shown in history.attestations.values():
            if member not in verdicts_on(history, shown):
                objects |= set(shown.record.objects())
    if hospital is not None and history.phase in (phases.VOUCH, phases.REVEAL):
        deals = history.sharing.deals.values()
        objects |= {deal.sealed_shares[hospital] for deal in deals}
    if hospital is None and rules.stopping is not None:
        objects |= counted_objects(history)
    if state is None:
        return objects - {b""}
    objects.add(state.model)
    sealed = [state.uploads[dealer].record.sealed_shares for dealer in state.passed]
    if member in history.committee and history.phase in (phases.SHARES, phases.CONSENT, phases.UNMASK):
        place = history.place(member)
        objects |= {digests[place] for digests in sealed if digests[place]}
    if hospital is None and history.phase in (phases.UPLOAD, phases.VERIFY):
        for name, said in state.uploads.items():
            if (member, name) not in state.verdicts and member in judges_of(history, name):
                objects |= {said.record.ciphertext, said.record.proof}
    if hospital is None and history.phase == phases.SHARES:
        for holder, dealer in state.complaints:
            objects.add(state.uploads[dealer].record.sealed_shares[history.place(holder)])
    if member in state.present and history.phase == phases.UPLOAD:
        objects |= key_objects(history).keys()
    if hospital is not None and history.phase == phases.UPLOAD and history.counting is not None:
        objects |= counted_objects(history)
    if history.phase == phases.CONFIRM and state.accepted is not None:
        accepted = state.accepted.record.hospitals
        fetched = accepted
        if rules.scaling.fingerprints and state.aggregate is not None:
            objects.add(state.aggregate.record.ciphertext_sum)
            own = () if hospital is not None else (*owed(history, member), *due_again(history, member))
            fetched = tuple(name for name in own if (member, name) not in state.fingerprints)
        objects |= {state.uploads[name].record.ciphertext for name in fetched}
        objects |= {said.values for said in state.share_sums.values()}
        objects |= {*history.server_state}
    return objects - {b""}


def awaits(history: History, member: str) -> bool:
    """Whether the present phase has a use for a message of this member, so that a trip is due."""
    single = not history.rules.scaling.verdicts_together
    early = single and history.phase == phases.UPLOAD and member in history.active(judging(history))
    return early or member in waits_for(history)
