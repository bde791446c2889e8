"""All members and how they stand: what the ledger has of each, and what it waits for."""

from __future__ import annotations

from collections import Counter
from typing import Any

from proofward.console.state import State
from proofward.console.words import awaited, moment, title_of
from proofward.engines.remote.agreement.home import HomeError
from proofward.federation.history.faults import faults
from proofward.federation.history.history import History
from proofward.federation.history.progress.waiting import unusual, waits_for
from proofward.federation.messages.consortium.rules import HOSPITAL
from proofward.ledger.keys import PublicKey


def members(state: State) -> dict[str, Any]:
    """Plain values for the page."""
    followed = state.followed
    places = _places(state)
    with followed.lock:
        if followed.history is not None:
            return {"members": _followed(state, followed.history, places), "joining": False}
    lacking = state.health.view.lacking if state.health is not None else ()
    return {
        "members": [
            {"name": name, "role": role, "site": site, "own": name in state.source.own_members(),
             "state": "not joined yet" if name in lacking else "", "awaited": name in lacking,
             "revoked": False, "rows": None, "wrong": 0, "said": "", "when": "",
             "legal": "", "at": None, "key": ""}
            for name, (role, site) in places.items()
        ],
        "joining": True,
    }  # fmt: skip


def _places(state: State) -> dict[str, tuple[str, str]]:
    """(role, site) of each member that the terms name."""
    try:
        terms = state.source.terms
    except HomeError:
        return {}
    return {} if terms is None else {seat.member: (seat.role, seat.site) for seat in terms.seats}


def _followed(state: State, history: History, places: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    wrong = Counter(fault.culprit for fault in faults(history))
    missing, own = set(waits_for(history)), state.source.own_members()
    other = unusual(history)
    last = {line.sender: position for position, line in enumerate(state.followed.lines)}
    names = [member.name for member in history.rules.members] + sorted(history.admitted)
    found = []
    for name in names:
        member = history.find(name)
        assert member is not None
        position = last.get(name)
        found.append({
            "name": name,
            "role": member.role,
            "site": places.get(name, ("", name if name in history.admitted and places else ""))[1],
            "own": name in own,
            "legal": history.rules.declarations.of(name).legal_name,
            "state": _standing(history, name, member.role, name in missing, other.get(name, "")),
            "awaited": name in missing,
            "revoked": name in history.revoked,
            "rows": history.enrolled.get(name),
            "wrong": wrong[name],
            "when": "" if position is None else moment(state.followed.lines[position].time),
            "said": "" if position is None else title_of(state.followed.lines[position].kind),
            "at": position,
            "key": PublicKey.known(history.keys[name]).fingerprint[:16] if name in history.keys else "",
        })  # fmt: skip
    return found


def _standing(history: History, name: str, role: str, missing: bool, other: str) -> str:
    if name in history.revoked:
        return f"revoked since entry {history.revoked[name]}"
    words = []
    if role == HOSPITAL:
        if name in history.enrolled:
            words.append("enrolled")
        else:
            words.append("enrolment accepted" if name in history.acceptable_enrolments() else "not enrolled")
        if name in history.admitted:
            words.append("admitted by vote")
    if missing:
        words.append(f"the federation waits for {other or awaited(history.phase, role)}")
    return ", ".join(words) or "nothing is awaited"
