"""How a site, its members and its ledger stand: what commands and pages show of a kit."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    `heads`: which head it knows, where it has chosen to follow heads, in words; then it does not know for
    whom the phase waits. `withheld`: what it has reported of newer heads that do not come.
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
    heads: str = ""
    withheld: str = ""


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
