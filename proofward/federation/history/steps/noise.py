"""Commitments to noise: each hospital's for a round are recorded before that round's beacon can be known.

That is before the vouches for the nonces of the enrolment beacon are closed, for the first round, and for
every other round before the accepted set of the round before, whose secrets make the beacon. It is the rule
by which late enrolments count, with the same argument. Who has not committed is no participant. All attempts
of a round have one beacon, so there is a commitment for each of them, to fresh words; a round has no more
attempts than there are commitments.
"""

from __future__ import annotations

from proofward.federation.history.state.history_state import (
    ANY_PHASE,
    DEAL,
    ENROLMENT,
    KEYS,
    SHARES,
    UPLOAD,
    VERIFY,
    VOUCH,
    HistoryState,
    Step,
)
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.consortium.rules import HOSPITAL
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import NoiseCommitment

ATTEMPTS = 4
"""Attempts of a round that a hospital commits to."""

BEFORE_FIRST_BEACON = (ENROLMENT, DEAL, VOUCH)
BEFORE_NEXT_BEACON = (KEYS, UPLOAD, VERIFY, SHARES)


def open_round(history: HistoryState) -> int | None:
    """The round of which the noise can be committed to now; None where there is none.

    A round of exact counts has no noise, and neither has one of rules without privacy.
    """
    rules, number = history.rules, 0
    if history.phase in BEFORE_FIRST_BEACON:
        number = 1
    elif history.phase in BEFORE_NEXT_BEACON:
        number = history.round.number + 1
    return number if 1 <= number <= rules.rounds and rules.has_noise_in(number) else None


def _check(history: HistoryState, sender: str, record: NoiseCommitment) -> None:
    private = history.rules.config.privacy is not None
    require(private, "noise-commitment", sender, "none by these rules", f"one of round {record.round}")
    number, distinct = open_round(history), len(set(record.roots))
    require(record.round == number, "round", sender, number or "none now", record.round)
    joined = sender in history.joined
    require(joined, "noise-commitment", sender, "a hospital that has enrolled", sender)
    proper = len(record.roots) == distinct == ATTEMPTS
    require(proper, "noise-commitment", sender, f"{ATTEMPTS} roots, each another", distinct)


def _apply(history: HistoryState, envelope: Envelope, record: NoiseCommitment) -> None:
    history.noise_roots[record.round, envelope.sender] = record.roots


STEPS: dict[str, Step] = {NoiseCommitment.kind: Step((HOSPITAL,), ANY_PHASE, _check, _apply)}
