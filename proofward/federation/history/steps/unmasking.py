"""Second half of a round: the share sums of a set with all consents, the next model, the end.

After a round that counts, model and state of the server's optimizer are what they were.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import (
    BETWEEN,
    CLOSED,
    CONFIRM,
    UNMASK,
    HistoryState,
    Step,
)
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.messages.basics.refusal import Refusal, describe, require
from proofward.federation.messages.beacon import round_beacon
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    Aggregate,
    Confirmation,
    FederationClosed,
    RoundClosed,
    ShareSum,
    StatefulAggregate,
)


def _check_share_sum(history: HistoryState, sender: str, record: ShareSum) -> None:
    state = history.round
    assert state.accepted is not None
    require(
        record.accepted_set == state.accepted.digest,
        "subject",
        sender,
        state.accepted.digest,
        record.accepted_set,
    )
    ready = state.ready_holders(state.accepted.record.hospitals)
    if sender not in ready:
        raise Refusal("holders", sender, describe(f"one of {ready}"), describe(sender))


def _apply_share_sum(history: HistoryState, envelope: Envelope, record: ShareSum) -> None:
    history.round.share_sums[envelope.sender] = record


def _check_aggregate(history: HistoryState, sender: str, record: Aggregate) -> None:
    state, needed = history.round, history.rules.config.threshold + 1
    vectors = 0 if history.counting else len(history.rules.config.optimizer.vectors)
    require(len(record.state) == vectors, "server-state", sender, f"{vectors} vectors", len(record.state))
    kept = history.counting is None or record.model == state.model
    require(kept, "model", sender, state.model, record.model)
    expected = tuple(sorted(state.share_sums))
    require(record.holders == expected, "share-sums", sender, expected, record.holders)
    wrong = set(record.wrong_holders)
    proper = record.wrong_holders == tuple(sorted(wrong)) and wrong <= set(expected)
    require(proper, "wrong-holders", sender, f"some of {expected}", record.wrong_holders)
    require(len(expected) - len(wrong) >= needed, "share-sums", sender, f"at least {needed}", expected)
    require(
        record.total_rows == history.total_rows, "total-rows", sender, history.total_rows, record.total_rows
    )


def _apply_aggregate(history: HistoryState, envelope: Envelope, record: Aggregate) -> None:
    history.round.aggregate = Recorded(envelope, record)
    history.phase = CONFIRM


def _check_confirmation(history: HistoryState, sender: str, record: Confirmation) -> None:
    said = history.round.aggregate
    assert said is not None
    require(record.aggregate == said.digest, "subject", sender, said.digest, record.aggregate)
    require(record.model == said.record.model, "model", sender, said.record.model, record.model)


def _apply_confirmation(history: HistoryState, envelope: Envelope, record: Confirmation) -> None:
    history.round.confirmations[envelope.sender] = record


def _check_closed(history: HistoryState, sender: str, record: RoundClosed) -> None:
    state, needed = history.round, history.rules.accepting_verdicts
    assert state.aggregate is not None
    expected = state.aggregate.record.model
    require(record.model == expected, "model", sender, expected, record.model)
    confirmed = [name for name in state.confirmations if name in history.rules.verifiers]
    require(
        len(confirmed) >= needed,
        "confirmations",
        sender,
        f"of at least {needed} verifiers",
        sorted(confirmed),
    )


def _apply_closed(history: HistoryState, envelope: Envelope, record: RoundClosed) -> None:
    state = history.round
    assert state.aggregate is not None
    if history.counting is None:
        history.server_state = state.aggregate.record.state
    history.beacon = round_beacon(history.rules.digest, state.number + 1, state.aggregate.record.secret_sum)
    history.closed.append(state)
    history.current = None
    history.left_out = frozenset()
    history.model = record.model
    history.phase = BETWEEN


def _check_ended(history: HistoryState, sender: str, record: FederationClosed) -> None:
    rounds = history.rules.rounds
    over = history.current is None and len(history.closed) == rounds
    require(over, "round", sender, f"{rounds} closed rounds", len(history.closed))
    require(record.model == history.model, "model", sender, history.model, record.model)


def _apply_ended(history: HistoryState, envelope: Envelope, record: FederationClosed) -> None:
    history.phase = CLOSED


STEPS: dict[str, Step] = {
    ShareSum.kind: Step((HOSPITAL,), (UNMASK,), _check_share_sum, _apply_share_sum),
    **{
        record.kind: Step((AGGREGATOR,), (UNMASK,), _check_aggregate, _apply_aggregate)
        for record in (Aggregate, StatefulAggregate)
    },
    Confirmation.kind: Step((HOSPITAL, VERIFIER), (CONFIRM,), _check_confirmation, _apply_confirmation),
    RoundClosed.kind: Step((AGGREGATOR,), (CONFIRM,), _check_closed, _apply_closed),
    FederationClosed.kind: Step((AGGREGATOR,), (BETWEEN,), _check_ended, _apply_ended),
}
