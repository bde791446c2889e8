"""Who took part in which round, and if not, why: a word for every hospital and round."""

from __future__ import annotations

from proofward.dossier.parts.paper import Mark
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import RoundState

SUMMED, REFUSED, BAD_SHARE, FALSE = "in the sum", "proof refused", "bad key share", "false complaint"
MEANINGS: dict[str, str] = {
    SUMMED: "Its proof was accepted, and its update is in the round's sum.",
    REFUSED: "Enough verifiers refused the proof of its update, which is not in the sum.",
    BAD_SHARE: "It gave another hospital a wrong share of its key. Its update is not in the sum.",
    FALSE: "It complained of a share that was in order, and is out of the round.",
    "no keys": "Its first message of the round did not come in time. Nobody is to blame by that.",
    "no upload": "Its update did not come in time. Nobody is to blame by that.",
    "too few verdicts": "Too few verifiers judged its proof alike in time.",
    "not ready": "It did not say in time that it holds its shares.",
    "no consent": "It did not agree in time to the set of updates to be summed.",
    "left out": "It had dropped out of an earlier attempt of the round.",
    "revoked": "The members had voted that it take part no more, or it had left.",
    "not enrolled": "Its records were not enrolled yet, or not accepted.",
    "open": "The round was not closed.",
}
_BAD = (REFUSED, BAD_SHARE, FALSE)


def attempts(history: HistoryState) -> dict[int, list[RoundState]]:
    """The attempts of every round, in order."""
    result: dict[int, list[RoundState]] = {}
    states = [*history.earlier, *history.closed, *([history.current] if history.current else [])]
    for state in sorted(states, key=lambda one: (one.number, one.attempt)):
        result.setdefault(state.number, []).append(state)
    return result


def part(history: HistoryState, states: list[RoundState], hospital: str) -> str:
    """How a hospital took part in a round, by its attempts."""
    last, quorum = states[-1], history.rules.accepting_verdicts
    closed = last.aggregate is not None
    if last.accepted is not None and hospital in last.accepted.record.hospitals and closed:
        return SUMMED
    for state in states:
        if _gave_bad_share(state, hospital, quorum):
            return BAD_SHARE
        if hospital in state.false_complainers(quorum):
            return FALSE
        if _refused(state, hospital, quorum):
            return REFUSED
    if hospital not in states[0].participants:
        return "revoked" if hospital in history.revoked else "not enrolled"
    if hospital not in last.participants:
        return "no consent" if any(hospital in state.gone() for state in states) else "left out"
    return _missing(last, hospital) if closed or last.accepted is not None else "open"


def _gave_bad_share(state: RoundState, hospital: str, quorum: int) -> bool:
    against = [holder for holder, dealer in state.complaints if dealer == hospital]
    return any(state.complaint_outcome(holder, hospital, quorum) is True for holder in against)


def _refused(state: RoundState, hospital: str, quorum: int) -> bool:
    votes = [vote.accepted for (_, about), vote in state.verdicts.items() if about == hospital]
    return votes.count(False) >= quorum


def _missing(state: RoundState, hospital: str) -> str:
    if hospital not in state.present:
        return "no keys"
    if hospital not in state.uploads:
        return "no upload"
    if hospital not in state.passed:
        return "too few verdicts"
    return "not ready" if hospital not in state.checked else "open"


def marked(word: str) -> Mark:
    """A cell of the table."""
    return Mark(word, "good" if word == SUMMED else "bad" if word in _BAD else "weak")
