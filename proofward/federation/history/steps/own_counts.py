"""A hospital's own counts of a round, which it may publish beside their encryption: signed, and not proved.

Nobody waits for them, nothing follows from them, and nothing shows that they are what was encrypted. In all
attempts of a round they are the same.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import ROUND_PHASES, HistoryState, Step
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.consortium.rules import HOSPITAL
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import OwnCounts


def _check(history: HistoryState, sender: str, record: OwnCounts) -> None:
    require(history.counting is not None, "own-counts", sender, "a round that counts", "one that trains")
    exact = history.counting is None or not history.counting.noise
    require(exact, "own-counts", sender, "none where counts have noise, which these have not", "some")
    uploads = history.round.uploads
    require(sender in uploads, "own-counts", sender, f"one of {sorted(uploads)}", sender)
    said = history.own_counts.get((history.round.number, sender), record.counts)
    require(said == record.counts, "own-counts", sender, f"in this round only {said.hex()}", record.counts)


def _apply(history: HistoryState, envelope: Envelope, record: OwnCounts) -> None:
    history.own_counts[envelope.round, envelope.sender] = record.counts


STEPS: dict[str, Step] = {OwnCounts.kind: Step((HOSPITAL,), ROUND_PHASES, _check, _apply)}
