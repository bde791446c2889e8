"""How a site stands, read from its folder alone and without changing anything, while its process may write.

Databases are opened read-only. What is found is what this site knows: its copy of the ledger, its keys,
reasons that it keeps to itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from proofward.engines.remote.agreement import prepared_evidence
from proofward.engines.remote.agreement.end_requests import pending_ends
from proofward.engines.remote.agreement.following import kept as following_of
from proofward.engines.remote.agreement.home import KEY, LOG, NEXT_KEY, STATE, Home, HomeError
from proofward.engines.remote.agreement.kept_heads import KeptHead, kept_head
from proofward.engines.remote.agreement.own_counts import has_data
from proofward.engines.remote.agreement.requests import (
    facts,
    followed,
    pending_admissions,
    pending_revocations,
)
from proofward.engines.remote.agreement.terms import Seat
from proofward.engines.remote.troubles import troubles
from proofward.engines.remote.views import LedgerView, MemberView, SiteView
from proofward.federation.history.faults import faults
from proofward.federation.history.history import History
from proofward.federation.history.progress.ending import end_in_words
from proofward.federation.history.progress.standstill import no_way_on
from proofward.federation.history.progress.waiting import awaited, waits_for
from proofward.federation.history.state.history_state import CLOSED, ENROLMENT, HistoryState
from proofward.federation.history.state.judges import task_in_words
from proofward.federation.history.steps import attestation as attestation_steps
from proofward.federation.history.steps.admission import waiting_in_words
from proofward.federation.history.steps.consent import most_releases
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, Rules
from proofward.federation.parties.contributing.budget import SPENT
from proofward.ledger.database import Database
from proofward.ledger.errors import KeyFileInvalid, LedgerError
from proofward.ledger.key_file import is_encrypted
from proofward.ledger.keys import PublicKey
from proofward.privacy.words import promise, spent


def look(root: Path) -> SiteView:
    """The view of a site's folder; raises HomeError when it is none."""
    home = Home(root)
    terms, rules = home.terms, home.rules
    joins = root / "joins"
    lacking = [seat.member for seat in terms.seats if not (joins / f"{seat.member}.join").exists()]
    recorded = _recorded(root, rules) if rules and terms.aggregator.site == home.site else None
    return SiteView(
        site=home.site,
        federation=terms.federation,
        terms=terms.digest.hex(),
        consortium=rules.digest.hex() if rules else "",
        unconfirmed=_unconfirmed(home, rules),
        lacking=tuple(lacking) if joins.exists() and rules is None else (),
        members=tuple(
            replace(_member(home, seat, rules, recorded), forced=home.forced(seat.member))
            for seat in home.seats
        ),
        ledger=None if recorded is None else _ledger(root, recorded),
        troubles=tuple(troubles(root / LOG)),
        privacy="" if terms.counts_only and terms.accountant is None else promise(terms.accountant),
    )


def _unconfirmed(home: Home, rules: Rules | None) -> str:
    """Why a site with hospitals or verifiers does not begin."""
    if rules is None or all(seat.role == AGGREGATOR for seat in home.seats):
        return ""
    try:
        home.require_confirmed(rules)
    except HomeError as error:
        return str(error)
    return ""


def _member(home: Home, seat: Seat, rules: Rules | None, recorded: History | None) -> MemberView:
    folder = home.root / "members" / seat.member
    key = "missing"
    if (folder / KEY).exists():
        try:
            key = "encrypted" if is_encrypted(folder / KEY) else "plain"
        except KeyFileInvalid as error:
            key = str(error)
    records = has_data(home, seat.member) if seat.role == HOSPITAL else None
    plain = MemberView(seat.member, seat.role, key, records=records)
    if seat.role == AGGREGATOR and recorded is not None:
        words = attestation_steps.in_words(recorded, seat.member)
        return replace(plain, evidence=words, hindered=_hindered(home, recorded, seat.member))
    if rules is None or seat.role == AGGREGATOR:
        return plain
    try:
        history, private = followed(folder, rules), facts(folder, ("halted", "unable/", SPENT))
        kept = kept_head(folder, rules, history.size)
        heads = _heads(folder, kept) if seat.role == HOSPITAL else ""
    except (Refusal, sqlite3.Error, HomeError) as error:
        return replace(plain, halted=f"its state is damaged: {error}")
    return replace(_stand(home, plain, kept.history if kept else history, private), heads=heads,
                   withheld=kept.withheld if kept else "")  # fmt: skip


UNTIL = "follows heads, but every entry before round 1 and while it holds shares, as at present"


def _heads(folder: Path, kept: KeptHead | None) -> str:
    """See MemberView."""
    if not following_of(folder).heads:
        return ""
    return kept.words if kept else UNTIL


def _stand(home: Home, plain: MemberView, history: HistoryState, private: dict[str, str]) -> MemberView:
    """How a member stands by what it knows of the ledger; from heads alone nobody sees who is waited for."""
    rules, name, whole = history.rules, plain.name, isinstance(history, History)
    number, attempt = history.position()
    signed = max(int(private.pop(SPENT, "0")), history.releases.get(name, 0))
    current = {f"unable/{number}/{attempt}"}
    if name not in history.enrolled:
        current.add("unable/enrolment")
    return MemberView(
        name,
        plain.role,
        plain.key,
        PublicKey(known).fingerprint if (known := history.keys.get(name)) else "",
        plain.records,
        history.size,
        *history.position(),
        history.phase,
        _enrolled(history, name) if plain.role == HOSPITAL and history.phase != ENROLMENT else None,
        name in history.revoked,
        ", ".join(private.pop("halted", "").split("\n")),
        {fact: reason for fact, reason in private.items() if fact in current},
        _asked(home.root / "members" / name, name, history),
        waits_for(history) if whole else (),
        _changed(home.root / "members" / name),
        str((whole and no_way_on(history)) or ""),
        outside=known is None,
        admissions=waiting_in_words(history),
        end=end_in_words(history),
        spent=_spent(rules, signed) if plain.role == HOSPITAL else "",
        drawn=task_in_words(history, name),
        awaited=awaited(history) if whole else "",
        evidence=attestation_steps.in_words(history, name),
        hindered=_hindered(home, history, name),
    )


def _hindered(home: Home, history: HistoryState, member: str) -> str:
    """See MemberView; "" while the member's process is about to show what lies ready."""
    found, ready = attestation_steps.hindrance(history, member), prepared_evidence.kept(home, member)
    about_to = ready is not None and ready.binding.key == history.keys.get(member)
    return "" if about_to and found == attestation_steps.NONE_SHOWN else found


def _spent(rules: Rules, releases: int) -> str:
    """What so many releases come to, "" where sums are exact."""
    return "" if rules.accountant is None else spent(rules.accountant, releases)


def _changed(folder: Path) -> float:
    """When a member's state was written last."""
    found = [path.stat().st_mtime for path in folder.glob(f"{STATE}*") if not path.name.endswith("-shm")]
    return max(found, default=0.0)


def _enrolled(history: HistoryState, member: str) -> bool:
    return member in history.enrolled or member in history.acceptable_enrolments()


def _asked(folder: Path, name: str, history: HistoryState) -> tuple[str, ...]:
    found = [
        f"revocation of {member}"
        for member, _ in pending_revocations(folder)
        if (name, member) not in history.revocation_votes and member not in history.revoked
    ]
    found += [
        f"admission of {member}"
        for member, key in pending_admissions(folder)
        if (name, member, key) not in history.admission_votes and member not in history.admitted
    ]
    found += [
        "an end at once" if at_once else "an end after the open round"
        for _, at_once in pending_ends(folder)
        if (name, at_once) not in history.end_votes and history.phase != CLOSED
    ]
    if (folder / NEXT_KEY).exists():
        first = history.find(name)
        changed = first is not None and history.keys[name] != first.key
        found.append("a new key, the one here" if changed else "a new key, which is not in force yet")
    return tuple(found)


def _recorded(root: Path, rules: Rules) -> History | None:
    """The ledger as it is recorded here, if it is; raises HomeError where it makes no sense."""
    history = History(rules)
    try:
        database = Database(root / "ledger", writable=False, live=True)
        try:
            for position in range(database.size()):
                history.apply(database.entry(position))
        finally:
            database.close()
    except (LedgerError, Refusal) as error:
        if not (root / "ledger").exists():
            return None
        raise HomeError(f"{root / 'ledger'}: {error}") from error
    return history


def _ledger(root: Path, history: History) -> LedgerView:
    parts = 0
    for path in (root / "incoming").glob("*.part"):
        with suppress(FileNotFoundError):  # it has just become complete
            parts += path.stat().st_size
    found = tuple(f"round {fault.round}: {fault.culprit}: {fault.check}" for fault in faults(history))
    return LedgerView(
        history.size,
        *history.position(),
        history.phase,
        len(history.closed),
        history.rules.rounds,
        waits_for(history),
        found,
        parts,
        str(no_way_on(history) or ""),
        tuple(sorted(history.admitted)),
        waiting_in_words(history),
        end_in_words(history),
        _spent(history.rules, most_releases(history)),
        awaited(history),
    )
