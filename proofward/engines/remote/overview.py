"""How a site stands, read from its folder alone and without changing anything, while its process may write.

Databases are opened read-only. What is found is what this site knows: its copy of the ledger, its keys,
reasons that it keeps to itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from proofward.engines.remote.agreement import prepared_evidence
from proofward.engines.remote.agreement.end_requests import pending_ends
from proofward.engines.remote.agreement.home import KEY, LOG, NEXT_KEY, STATE, Home, HomeError
from proofward.engines.remote.agreement.own_counts import has_data
from proofward.engines.remote.agreement.requests import (
    facts,
    followed,
    pending_admissions,
    pending_revocations,
)
from proofward.engines.remote.agreement.terms import Seat
from proofward.engines.remote.troubles import troubles
from proofward.federation.history import attestation_steps
from proofward.federation.history.admission_steps import waiting_in_words
from proofward.federation.history.consent_steps import most_releases
from proofward.federation.history.end_steps import end_in_words
from proofward.federation.history.faults import faults
from proofward.federation.history.history import History
from proofward.federation.history.history_state import CLOSED, ENROLMENT
from proofward.federation.history.judges import task_in_words
from proofward.federation.history.standstill import no_way_on
from proofward.federation.history.waiting import awaited, waits_for
from proofward.federation.messages.refusal import Refusal
from proofward.federation.messages.rules import AGGREGATOR, HOSPITAL, Rules
from proofward.federation.parties.budget import SPENT
from proofward.ledger.database import Database
from proofward.ledger.errors import KeyFileInvalid, LedgerError
from proofward.ledger.key_file import is_encrypted
from proofward.ledger.keys import PublicKey
from proofward.privacy.words import promise, spent


@dataclass(frozen=True)
class MemberView:
    """A member of the site.

    `key` is "missing", "plain" or "encrypted". `halted` and `unable` say why, and `ended` why the round can
    never be finished. `asked` is what the operator has asked for and the ledger may not have yet. `waits_for`
    are the members whose word the present phase lacks, `followed` is when the member's state changed last, in
    seconds since 1970. `forced` is what spoke against a hospital's records when its operator insisted on
    them. `outside` says that verifiers have not admitted it yet, `admissions` who has asked for which
    hospital's admission. `end` says who has ended the federation by vote, or asks for it. `spent` of
    the privacy budget, `evidence` of its machine and `drawn` for what task are words, "" where there is none.
    `hindered`: what its evidence lacks while it or all others wait for that. `awaited`: `waits_for` in words.
    """

    name: str
    role: str
    key: str
    fingerprint: str = ""
    records: bool | None = None
    entries: int = 0
    round: int = 0
    attempt: int = 0
    phase: str = ""
    enrolled: bool | None = None
    revoked: bool = False
    halted: str = ""
    unable: dict[str, str] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    followed: float = 0.0
    ended: str = ""
    forced: tuple[str, ...] = ()
    outside: bool = False
    admissions: tuple[str, ...] = ()
    end: str = ""
    evidence: str = ""
    spent: str = ""
    drawn: str = ""
    hindered: str = ""
    awaited: str = ""


@dataclass(frozen=True)
class LedgerView:
    """The aggregator's ledger; waits_for, awaited: see MemberView; spent: by the hospital with the most."""

    entries: int
    round: int
    attempt: int
    phase: str
    rounds_closed: int
    rounds: int
    waits_for: tuple[str, ...]
    faults: tuple[str, ...]
    incoming_bytes: int
    ended: str = ""
    admitted: tuple[str, ...] = ()
    admissions: tuple[str, ...] = ()
    end: str = ""
    spent: str = ""
    awaited: str = ""


@dataclass(frozen=True)
class SiteView:
    """A site.

    consortium: digest of the rules, "" before everybody has joined. unconfirmed: what keeps the site from
    beginning although everybody has joined, "" for nothing. privacy: what the rules promise, "" where all
    rounds count.
    """

    site: str
    federation: str
    terms: str
    consortium: str
    unconfirmed: str
    lacking: tuple[str, ...]
    members: tuple[MemberView, ...]
    ledger: LedgerView | None
    troubles: tuple[str, ...]
    privacy: str = ""


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
    except (Refusal, sqlite3.Error) as error:
        return replace(plain, halted=f"its state is damaged: {error}")
    number, attempt = history.position()
    signed = max(int(private.pop(SPENT, "0")), history.releases.get(seat.member, 0))
    current = {f"unable/{number}/{attempt}"}
    if seat.member not in history.enrolled:
        current.add("unable/enrolment")
    return MemberView(
        seat.member,
        seat.role,
        key,
        PublicKey(known).fingerprint if (known := history.keys.get(seat.member)) else "",
        records,
        history.size,
        *history.position(),
        history.phase,
        _enrolled(history, seat.member) if seat.role == HOSPITAL and history.phase != ENROLMENT else None,
        seat.member in history.revoked,
        ", ".join(private.pop("halted", "").split("\n")),
        {name: reason for name, reason in private.items() if name in current},
        _asked(folder, seat.member, history),
        waits_for(history),
        _changed(folder),
        str(no_way_on(history) or ""),
        outside=known is None,
        admissions=waiting_in_words(history),
        end=end_in_words(history),
        spent=_spent(rules, signed) if seat.role == HOSPITAL else "",
        drawn=task_in_words(history, seat.member),
        awaited=awaited(history),
        evidence=attestation_steps.in_words(history, seat.member),
        hindered=_hindered(home, history, seat.member),
    )


def _hindered(home: Home, history: History, member: str) -> str:
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


def _enrolled(history: History, member: str) -> bool:
    return member in history.enrolled or member in history.acceptable_enrolments()


def _asked(folder: Path, name: str, history: History) -> tuple[str, ...]:
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
