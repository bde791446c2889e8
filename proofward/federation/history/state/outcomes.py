"""What a round came to, as it is sealed for a chain: a function of the ledger up to the round's aggregate.

Everybody who follows the ledger has the same outcome, so seals of different members are over the same bytes.
Hospitals are numbered in the order in which rounds admitted them, which no later admission changes. Weights
are the proven numbers of records; where all rounds count and nobody enrols, each hospital weighs 1.
"""

from __future__ import annotations

from proofward.encoding import encode
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_outcome import RoundOutcome
from proofward.federation.history.state.round_state import RoundState
from proofward.federation.messages.beacon import hash_parts
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import Aggregate

_VERDICTS = b"proofward/chain-verdicts/v1"
_ROSTER = b"proofward/chain-roster/v1"


def note_outcome(history: HistoryState, envelope: Envelope) -> None:
    """Keeps the outcome of a round with the entry, just applied, that announces its aggregate."""
    if history.rules.chain is not None and isinstance(envelope.record, Aggregate):
        history.outcomes[envelope.round] = _outcome(history, envelope.record, envelope.digest)


def _outcome(history: HistoryState, said: Aggregate, digest: bytes) -> RoundOutcome:
    state = history.round
    assert state.accepted is not None
    names = tuple(history.enrolled)
    weights = tuple(history.enrolled[name] or 1 for name in names)
    before = history.outcomes.get(state.number - 1)
    return RoundOutcome(
        number=state.number,
        attempt=state.attempt,
        size=history.size,
        root=history.root,
        aggregate=digest,
        hospitals=names,
        weights=weights,
        accepted=tuple(sorted(names.index(name) for name in state.accepted.record.hospitals)),
        beacon=state.beacon,
        base_model=state.model,
        next_model=said.model,
        ciphertext_sum=said.ciphertext_sum,
        update_sum=said.update_sum,
        verdicts=verdicts_digest(state),
        new_weights=before is None or before.weights != weights,
    )


def verdicts_digest(state: RoundState) -> bytes:
    """Of everything that verifiers said of the attempt's uploads: 32 bytes."""
    said = sorted(state.verdicts.items())
    parts = [part for (by, about), record in said for part in (by.encode(), about.encode(), encode(record))]
    return hash_parts(_VERDICTS, *parts)


def roster_digest(history: HistoryState) -> bytes:
    """Of the envelopes that say whose chain key is whose, in the ledger's order: 32 bytes."""
    return hash_parts(_ROSTER, *(said.digest for said in history.chain_keys.values()))
