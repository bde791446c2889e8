"""The first page: what goes on, who waits for whom and for what, and what the operator has to do."""

from __future__ import annotations

from typing import Any

from proofward.console.state import State
from proofward.console.words import awaited, duration, moment, phase_words, sentence, size
from proofward.engines.operations.suggestions import command
from proofward.federation.history.faults import faults
from proofward.federation.history.history import History
from proofward.federation.history.progress.standstill import no_way_on
from proofward.federation.history.progress.waiting import unusual, waits_for
from proofward.federation.history.state.history_state import (
    ABANDON,
    BEACON_PHASES,
    BETWEEN,
    CLOSED,
    ENROLMENT,
    ROUND_PHASES,
)
from proofward.federation.history.state.round_state import RoundState
from proofward.report.privacy_so_far import privacy_so_far

LAST_ROUNDS, LAST_LINES = 12, 8
UNSAID = ("unable",)
"""Problems whose reason may hold a value of a record: it is told at the terminal and not on a page."""


def overview(state: State) -> dict[str, Any]:
    """Plain values for the page."""
    followed = state.followed
    with followed.lock:
        history = followed.history
        found: dict[str, Any] = {
            "problems": problems(state),
            "site": _site(state),
            "live": None if history is None else _live(state, history),
            "rounds": [] if history is None else rounds(history, LAST_ROUNDS),
            "most_rounds": LAST_ROUNDS,
        }
    found["empty"] = "" if found["live"] else _why_empty(state)
    with state.told.lock:
        last = list(state.told.lines)[: -LAST_LINES - 1 : -1] if state.source.is_coordinator else []
    found["lines"] = [
        f"{moment(line.time)}: {line.kind}{f', {line.words}' if line.words else ''}" for line in last
    ]
    return found


def problems(state: State) -> list[dict[str, str]]:
    """What the operator has to do something about."""
    found = []
    if state.followed.trouble:
        found.append({"words": state.followed.trouble, "more": ""})
    if state.health_trouble:
        found.append({"words": state.health_trouble, "more": ""})
    health = state.health
    status = command("status", state.source.folder)
    for problem in health.problems if health is not None else ():
        if problem.check in UNSAID:
            words = f"{problem.subject} could not do its part."
            found.append({"words": words, "more": f"The reason may hold data: {status} shows it."})
        else:
            more = f"{status} shows the reason that the logs name." if problem.detail else ""
            found.append({"words": problem.sentence, "more": more})
    return found


def _site(state: State) -> list[tuple[str, str]]:
    """Names and values of how the site itself stands."""
    health, source = state.health, state.source
    if source.is_run:
        return [("folder", source.name), ("latest entry", moment(state.followed.latest))]
    if health is None:
        return [("site", source.name)]
    view = health.view
    over = health.over or health.job_over or state.followed.over
    running = (
        f"{health.process} runs it" if health.process else "none, the federation is over" if over else "none"
    )
    rows = [("site", view.site), ("federation", view.federation), ("process", running)]
    if view.lacking:
        rows.append(("not joined", ", ".join(view.lacking)))
    for member in view.members:
        words = [f"{member.key} key"] if member.key in ("plain", "encrypted", "missing") else [member.key]
        if member.records is not None:
            words.append(
                "records enrolled" if member.enrolled else "records here" if member.records else "no records"
            )
        words += [f"asked for {what}" for what in member.asked]
        rows.append((member.role, f"{member.name}: {', '.join(words)}"))
    if view.ledger is not None and view.ledger.incoming_bytes:
        rows.append(("on the way", size(view.ledger.incoming_bytes)))
    return rows


def _live(state: State, history: History) -> dict[str, Any]:
    now, latest = state.clock(), state.followed.latest
    since = state.followed.phase_since
    number, attempt = history.position()
    stuck = no_way_on(history)
    over = history.phase == CLOSED
    return {
        "federation": history.rules.federation,
        "phase": history.phase,
        "words": sentence(phase_words(history.phase)),
        "counts": history.current is not None and history.rules.counting_in(number) is not None,
        "round": number,
        "attempt": attempt + 1,
        "closed": len(history.closed),
        "of": history.rules.rounds,
        "over": over,
        "ended_early": over and history.ended is not None,
        "entries": history.size,
        "complete": state.followed.complete,
        "since": "" if over or since is None else duration(now - since),
        "latest": moment(latest),
        "ago": "" if latest is None else duration(now - latest),
        "steps": _steps(history),
        "waiting": _waiting(state, history),
        "stuck": "" if stuck is None else f"No round can be finished any more: {stuck}",
        "refusals": len(faults(history)),
        "privacy": sentence("; ".join(privacy_so_far(history))),
    }


def _steps(history: History) -> list[dict[str, str]]:
    """The phases of what is under way, each "done", "now" or "to come"."""
    phase = history.phase
    if phase == CLOSED:
        return []
    if phase in (ENROLMENT, *BEACON_PHASES):
        order: tuple[str, ...] = (ENROLMENT, *BEACON_PHASES, "rounds")
    elif phase == ABANDON:
        order = (ABANDON, BETWEEN)
    else:
        order = tuple(name for name in ROUND_PHASES if name != ABANDON)
    at = order.index(phase) if phase in order else -1
    return [
        {"name": name, "state": "done" if place < at else "now" if place == at else "to come"}
        for place, name in enumerate(order)
    ]


def _waiting(state: State, history: History) -> list[dict[str, Any]]:
    own, other = state.source.own_members(), unusual(history)
    found = []
    for name in waits_for(history):
        member = history.find(name)
        role = member.role if member is not None else ""
        what = other.get(name) or awaited(history.phase, role)
        found.append({"name": name, "role": role, "what": what, "own": name in own})
    return found


def rounds(history: History, most: int) -> list[dict[str, Any]]:
    """The last closed rounds, the latest first."""
    wrong: dict[int, list[str]] = {}
    for fault in faults(history):
        wrong.setdefault(fault.round, []).append(fault.culprit)
    return [_round(history, state, wrong.get(state.number, [])) for state in history.closed[::-1][:most]]


def _round(history: History, state: RoundState, wrong: list[str]) -> dict[str, Any]:
    accepted = state.accepted.record.hospitals if state.accepted is not None else ()
    asked = set(state.participants) & set(history.hospitals)
    summed = state.aggregate.record if state.aggregate is not None else None
    return {
        "number": state.number,
        "attempt": state.attempt + 1,
        "accepted": accepted,
        "of": len(asked),
        "missing": sorted(asked - set(accepted)),
        "refused": sorted(set(wrong)),
        "rows": summed.total_rows if summed is not None else 0,
        "model": summed.model.hex() if summed is not None else "",
    }


def _why_empty(state: State) -> str:
    """Why there is nothing to follow, in a sentence."""
    if state.source.is_coordinator:
        return (
            "The coordinator's kit has no members and follows no ledger: the server's and the sites' "
            "consoles say how the rounds go. Here is how its process and the jobs that it submits stand."
        )
    if state.followed.trouble:
        return "Nothing of the ledger can be shown."
    if not state.source.is_run and state.health is not None and not state.health.view.consortium:
        return "Not everybody has joined yet, so no round has begun."
    return "Nothing has been recorded yet."
