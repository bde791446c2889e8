"""Whether a federation can go on at all, as its ledger is, and whose absence is the reason when it cannot.

What the aggregator has to announce next follows from the ledger. When the rules refuse that announcement,
or leave none that could come, no round can be finished any more. Every member finds this by itself. Nobody
has to be accused of it: the member that a reason names is one without whom too few are left.
"""

from __future__ import annotations

from proofward.federation.history.progress.absences import explained
from proofward.federation.history.progress.schedule import next_record
from proofward.federation.history.state.history_state import BEFORE, CLOSED, UNMASK, HistoryState, Step
from proofward.federation.history.steps import beacon, consent, enrolment, shares, unmasking, uploads
from proofward.federation.messages.basics.refusal import Refusal, require

_STEPS: dict[str, Step] = {
    **enrolment.STEPS,
    **beacon.STEPS,
    **uploads.STEPS,
    **shares.STEPS,
    **consent.STEPS,
    **unmasking.STEPS,
}


def no_way_on(history: HistoryState) -> Refusal | None:
    """Why no round can be finished any more, in the name of who is missing; None while one can."""
    if history.phase in (BEFORE, CLOSED):
        return None
    try:
        if history.phase == UNMASK:
            require_share_sums(history)
        elif (record := next_record(history, expired=False)) is not None:
            _STEPS[record.kind].check(history, history.rules.aggregator, record)
    except Refusal as found:
        return explained(history, found)
    return None


def require_share_sums(history: HistoryState) -> None:
    """Raises Refusal when too few holders are left to open the sum."""
    state, needed = history.round, history.rules.config.threshold + 1
    able = sorted({*history.active(consent.ready_holders(state)), *state.share_sums})
    require(len(able) >= needed, "share-sums", history.rules.aggregator, f"of {needed} holders", able)
