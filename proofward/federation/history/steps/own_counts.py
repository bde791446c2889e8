"""A hospital's own counts of a round, which it may publish beside their encryption.

Nobody waits for them, and nothing follows from them. In all attempts of a round they are the same. Where
the counts of the round are proved, a hospital's proof shows those that it publishes, and proves that they are
what is encrypted; others are signed, and not proved.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from proofward.federation.history.state.history_state import ROUND_PHASES, HistoryState, Step
from proofward.federation.messages.basics.refusal import Refusal, require
from proofward.federation.messages.basics.values import integers_to_bytes
from proofward.federation.messages.consortium.rules import HOSPITAL
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import OwnCounts
from proofward.federation.storage.objects import Objects
from proofward.relations.evaluations.count_header import published_in
from proofward.relations.rules.counting import Counting


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


def published_counts(
    history: HistoryState, objects: Objects, number: int
) -> Mapping[str, tuple[bytes, bool]]:
    """By hospital in the sum of a closed round: what it says its counts are, 8 bytes each; whether it is so.

    Of counts that are signed everything is so, and of those that are proved what its proof shows. Hospitals
    whose proof is not here are left out. Raises Refusal for other counts that are not there.
    """
    counting, found = history.rules.counting_in(number), dict[str, tuple[bytes, bool]]()
    assert counting is not None
    for name in history.accepted_in(number):
        digest = history.own_counts.get((number, name))
        if digest is not None:
            said, upload = objects.get(digest), history.closed[number - 1].uploads[name].record
            if not counting.proved:
                found[name] = said, True
                continue
            with suppress(Refusal):
                found[name] = said, said == _shown(counting, objects.get(upload.proof))
    return found


def _shown(counting: Counting, proof: bytes) -> bytes | None:
    """The counts that an accepted proof shows, None where it shows none."""
    try:
        counts = published_in(proof, counting.length, counting.left_out)
    except ValueError:
        return None
    return integers_to_bytes(np.array(counts, dtype=np.int64)) if counts else None


STEPS: dict[str, Step] = {OwnCounts.kind: Step((HOSPITAL,), ROUND_PHASES, _check, _apply)}
