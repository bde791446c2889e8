"""Who holds the shares of a round's keys, who judges a proof, and what has been found of it.

Both are drawn of members that are fixed before the beacon can be known (`HistoryState.fix_draws`). How many
are drawn follows from the number of these (`committees/populations`): the more are missing, the fewer holders
or the more judges. Whoever is revoked after that is drawn nevertheless and nobody takes the empty place, so
neither somebody who steps back nor somebody who has others removed changes a draw that is known.

Holders. With a committee, it is drawn by the beacon when a round opens, among the hospitals that the rules
name. It stays for all attempts of the round: who is left out of a later attempt is not replaced.

Judges. With a sample, s verifiers judge a proof, drawn by the round's beacon for its hospital. Verification
is deterministic and public, so one honest of them is enough: the proof holds if all s accept it alike. It
goes to all verifiers, and as many as accept a proof elsewhere decide,

    at once         if one of the s refuses it, two accept it with different findings, or one that has said
                    nothing is revoked
    by an entry     `verdicts-widened`, if the phase's time is up and one of the s has said nothing

A verdict that contradicts what so many verifiers found is on record, and `faults` names its verifier.
"""

from __future__ import annotations

from proofward.federation.committees.drawing import HOLDERS, VERIFIERS, committee
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.history.state.round_state import Finding, RoundState
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.consortium.rules import Rules


def drawn_holders(history: HistoryState, number: int) -> tuple[str, ...]:
    """Who holds shares in a round that opens now, ascending; a place is a holder's."""
    rules = history.rules
    if not rules.draws_holders:
        return rules.hospitals
    size = rules.draw.holders(len(can_hold(history)))
    return committee(history.beacon, HOLDERS, number, rules.hospitals, size, able=history.drawable)


def can_hold(history: HistoryState) -> tuple[str, ...]:
    """The hospitals of which the next round's holders are drawn, ascending."""
    return history.rules.holders_among(history.drawable)


def require_drawable(history: HistoryState) -> None:
    """Raises Refusal where holders are to be drawn, and of those that can be no committee keeps secrets."""
    rules, found = history.rules, can_hold(history)
    if rules.draws_holders:
        expected = f"at least {rules.draw.fewest} hospitals to draw holders of"
        require(len(found) >= rules.draw.fewest, "draw", rules.aggregator, expected, found)


def sample_of(history: HistoryState, hospital: str) -> tuple[str, ...]:
    """The verifiers that are drawn for a hospital's proof in the round under way; all where none are."""
    state, rules = history.round, history.rules
    if not rules.sample:
        return rules.verifiers
    return drawn_judges(state, rules, hospital)


def drawn_judges(state: RoundState, rules: Rules, hospital: str) -> tuple[str, ...]:
    """The verifiers that the beacon draws for a hospital's proof in an attempt; remembered there."""
    if hospital not in state.samples:
        able = state.drawable.intersection(rules.verifiers)
        size = rules.sampling.judges(len(able))
        drawn = state.beacon, VERIFIERS, state.number, rules.verifiers, size
        state.samples[hospital] = committee(*drawn, able=able, subject=hospital)
    return state.samples[hospital]


def judges_of(history: HistoryState, hospital: str) -> tuple[str, ...]:
    """Verifiers, none of them revoked, that have to judge a hospital's proof."""
    if history.rules.sample and not is_widened(history, hospital):
        return history.active(sample_of(history, hospital))
    return history.active(history.rules.verifiers)


def is_widened(history: HistoryState, hospital: str) -> bool:
    """Whether a proof of which some verifiers are drawn is every verifier's to judge."""
    state = history.round
    if hospital in state.widened:
        return True
    found = set[Finding]()
    for name in sample_of(history, hospital):
        said = state.verdicts.get((name, hospital))
        if (said is None and name in history.revoked) or (said is not None and not said.accepted):
            return True
        if said is not None:
            found.add(Finding(said.dataset_root, said.share_binding))
    return len(found) > 1


def finding_of(history: HistoryState, hospital: str) -> Finding | None:
    """What has been found of an upload that is accepted, else None."""
    state, quorum = history.round, history.rules.accepting_verdicts
    if not history.rules.sample or is_widened(history, hospital):
        return state.finding(hospital, quorum)
    said = [state.verdicts.get((name, hospital)) for name in sample_of(history, hospital)]
    found = [Finding(verdict.dataset_root, verdict.share_binding) for verdict in said if verdict is not None]
    return found[0] if said and len(found) == len(said) else None


def passing(history: HistoryState) -> dict[str, Finding]:
    """The recorded uploads that are accepted."""
    found = {hospital: finding_of(history, hospital) for hospital in history.round.uploads}
    return {hospital: finding for hospital, finding in sorted(found.items()) if finding is not None}


def unjudged(history: HistoryState) -> tuple[str, ...]:
    """Hospitals whose drawn verifiers have not all spoken, and whose proof is not every verifier's yet."""
    if not history.rules.sample:
        return ()
    return tuple(
        name
        for name in sorted(history.round.uploads)
        if finding_of(history, name) is None and not is_widened(history, name)
    )


def task_in_words(history: HistoryState, member: str) -> str:
    """What a member is drawn for in the round under way, for people; "" without committees or a round."""
    state, rules = history.current, history.rules
    if state is None or rules.committees is None:
        return ""
    if member in rules.verifiers:
        mine = sum(member in judges_of(history, about) for about in state.uploads)
        return f"judges {mine} of the round's {len(state.uploads)} proofs" if rules.sample else ""
    if not rules.draws_holders:
        return ""
    there, everybody = len(rules.holders_among(state.drawable)), len(rules.hospitals)
    words = f"{'holds' if member in state.committee else 'holds no'} shares of this round's keys"
    held = f"{there} of {everybody} hospitals could be drawn, {len(state.committee)} of them hold shares"
    return words if there in (0, everybody) else f"{words}; {held}"  # 0: who follows lightly has not read it


def contradicted(state: RoundState, quorum: int) -> dict[tuple[str, str], tuple[str, ...]]:
    """By (verifier, hospital), who found otherwise, where a quorum of verifiers found the same.

    Only of attempts in which verifiers were drawn, where a single verdict has sent a proof to all.
    """
    wrong: dict[tuple[str, str], tuple[str, ...]] = {}
    for hospital in state.samples:
        found = {
            by: Finding(verdict.dataset_root, verdict.share_binding) if verdict.accepted else None
            for by, verdict in state.verdicts.about(hospital).items()
        }
        for finding in set(found.values()):
            alike = tuple(sorted(by for by, own in found.items() if own == finding))
            if len(alike) >= quorum:
                wrong |= {(by, hospital): alike for by in sorted(set(found) - set(alike))}
    return wrong
