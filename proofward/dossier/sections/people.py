"""Sections on who, when and why: members, times, purposes, the records of each site."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from proofward.dossier.parts.paper import (
    NOT_RECORDED,
    Basis,
    Block,
    Cell,
    Fact,
    Facts,
    Grid,
    Mark,
    Section,
    Words,
    fact,
)
from proofward.dossier.record.chronicle import at, lasted
from proofward.dossier.record.evidence import Evidence
from proofward.federation.history.progress.ending import end_in_words
from proofward.federation.history.steps.admission import admission_votes
from proofward.federation.history.steps.attestation import in_words as evidence_in_words
from proofward.federation.history.steps.membership import votes_against
from proofward.federation.messages.basics.clock import CLOCK_SLACK, in_utc
from proofward.ledger.keys import PublicKey

REPEATABLE = (
    "All times are 2000-01-01: the run was a repeatable one, with a seed, and no clock was looked at. Its "
    "keys and secrets are known to whoever knows the seed. It is no record of a real federation."
)


def glance(found: Evidence) -> Section:
    """The first page."""
    history, rules, times = found.history, found.history.rules, found.chronicle
    closed, agreed, ended = found.summary.end()
    period = None if times.first is None or times.last is None else span(times.first, times.last)
    rows = sum(history.enrolled.values())
    how = f"{closed} of {agreed} closed"
    how += "" if ended else "; the federation had not come to its end when this was made"
    facts = (
        fact("Federation", rules.federation, Basis.SIGNED, "rules, entry 0"),
        fact("Fingerprint of the consortium", rules.digest.hex(), where="compare it with what members know"),
        fact("Period", period, Basis.SIGNED),
        fact("Hospitals", ", ".join(history.hospitals)),
        fact("Verifiers", ", ".join(rules.verifiers)),
        fact("Host of the ledger", rules.aggregator),
        fact("Records", f"{rows:,}, enrolled by {len(history.enrolled)} hospitals"),
        fact("Rounds", how),
        fact("Last model", history.model.hex() if history.closed else None, where="SHA-256 of its integers"),
        fact("Ended by vote", end_in_words(history)) if history.ended is not None else None,
    )
    blocks: list[Block] = [Facts("The federation at a glance", tuple(row for row in facts if row))]
    if times.repeatable:
        blocks.append(Words((REPEATABLE,), "weak"))
    if rules.initial_model:
        words = (
            "The first model was chosen by somebody, and not drawn. Whoever chose it may have planted in it"
        )
        blocks.append(Words((f"{words} what reads off records.",), "weak"))
    basis = [f"“{one.value}” {one.meaning}" for one in (Basis.CHECKED, Basis.SIGNED, Basis.NO_EVIDENCE)]
    blocks.append(Words(("What the labels mean: " + " ".join(basis),)))
    return Section("glance", "At a glance", tuple(blocks))


def span(first: int, last: int) -> str:
    """A period in words."""
    return f"{in_utc(first)} to {in_utc(last)} ({lasted(last - first)})"


def members(found: Evidence) -> Section:
    """Who took part, in the protocol and in law."""
    history, rules = found.history, found.history.rules
    said = rules.declarations
    rows: list[tuple[Cell, ...]] = []
    for name in sorted(history.keys):
        member, entry = history.find(name), said.of(name)
        role = "" if member is None else member.role
        legal = (entry.legal_name, entry.contact, entry.responsible)
        rows.append((name, role, *(text or Mark(NOT_RECORDED, "weak") for text in legal)))
    titles = ("member", "role", "legal name", "contact", "person responsible")
    note = (
        "Names and roles are in the rules. Legal names, contacts and persons are the consortium's own words."
    )
    grids: list[Block] = [Grid("Members", titles, rows, Basis.SIGNED, note)]
    keys = [
        (name, Mark(PublicKey(key).fingerprint, code=True), _standing(found, name))
        for name, key in sorted(history.keys.items())
    ]
    grids.append(Grid("Keys and standing", ("member", "key at the end", "standing"), keys))
    return Section("members", "Who took part", tuple(grids))


def _standing(found: Evidence, name: str) -> Cell:
    history = found.history
    first = history.find(name)
    words = []
    if name in history.admitted:
        voters = next((by for (who, _), by in admission_votes(history).items() if who == name), ())
        words.append(f"admitted by vote of {', '.join(voters)}")
    if first is not None and history.keys[name] != first.key:
        words.append("changed its key")
    if machine := evidence_in_words(history, name):
        words.append(f"{machine} (it stands for no proof)")
    if name in history.revoked:
        reasons = "; ".join(f"{by}: {why}" for by, why in votes_against(history, name).items())
        return Mark("; ".join([*words, f"revoked at entry {history.revoked[name]} ({reasons})"]), "bad")
    return "; ".join(words) or "as agreed"


def dates(found: Evidence) -> Section:
    """When."""
    times, points = found.chronicle, found.chronicle.points
    named = (
        ("The ledger was opened", "federation-opened"),
        ("Enrolment was closed", "enrolment-closed"),
        ("The shared randomness was fixed", "beacon-fixed"),
        ("The federation was closed", "federation-closed"),
        ("The federation was ended by vote", "federation-ended"),
    )
    rows = []
    for term, kind in named:
        if kind in points or not kind.startswith("federation-"):
            point = points.get(kind)
            rows.append(fact(term, at(point), Basis.SIGNED, f"entry {point[0]}" if point else ""))
    rows += [
        fact(f"{name} enrolled", at(point), Basis.SIGNED, f"entry {point[0]}")
        for name, point in sorted(times.enrolled.items())
    ]
    words = (
        "Every message carries the time of its sender's clock, and the sender has signed it. The record is "
        "refused where the host's times go back, or where members' times and the host's are more than "
        f"{CLOCK_SLACK // 60} minutes apart. There is no time stamp from outside: host and members together "
        "could have written other times.",
    )
    return Section("dates", "When", (Facts("Dates of the federation", tuple(rows)), Words(words)))


def purposes(found: Evidence) -> Section:
    """What the consortium declares of itself."""
    said = found.history.rules.declarations
    named = (
        ("Purpose", said.purpose),
        ("Intended use of the model", said.intended_use),
        ("Legal basis", said.legal_basis),
        ("Inclusion criteria", said.inclusion_criteria),
        ("Retention", said.retention),
    )
    facts = tuple(fact(term, lines, Basis.SIGNED, "rules, entry 0") for term, lines in named)
    return Section("purposes", "Purpose and legal basis", (Facts("Declared by the consortium", facts),))


def records(found: Evidence) -> Section:
    """Which data: how many records of whom, committed to when, and what the sites say of them."""
    history, times = found.history, found.chronicle
    rows: list[tuple[Cell, ...]] = []
    for name in history.hospitals:
        enrolment = history.enrolments.get(name)
        count = f"{enrolment.record.rows:,}" if enrolment else NOT_RECORDED
        root = history.dataset_roots.get(name)
        accepted = "yes" if name in history.enrolled else Mark("no", "bad" if enrolment else "weak")
        number = f"entry {times.enrolled[name][0]}" if name in times.enrolled else NOT_RECORDED
        rows.append((name, count, accepted, Mark(root.hex(), code=True) if root else NOT_RECORDED, number))
    titles = ("hospital", "records", "proof of enrolment accepted", "commitment at the end", "enrolled")
    note = (
        "A hospital cannot change its records, their order or their number after it has enrolled them. "
        "Nothing shows that they are true. The commitment is renewed in every round."
    )
    blocks: list[Block] = [Grid("Records of each hospital", titles, rows, Basis.CHECKED, note)]
    blocks.append(Facts("Data sheets, in the hospitals' own words", tuple(_sheets(found))))
    blocks.append(Facts("What the inputs are", _inputs(found)))
    return Section("records", "Which data", tuple(blocks))


def _sheets(found: Evidence) -> Iterator[Fact]:
    for name in found.history.hospitals:
        number, lines = found.chronicle.sheets.get(name, (0, ()))
        digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        yield fact(name, lines, Basis.SIGNED, f"entry {number}, SHA-256 of the text {digest}")


def _inputs(found: Evidence) -> tuple[Fact, ...]:
    config, described = found.history.rules.config, found.description
    basis = Basis.CHECKED if found.bound else Basis.NO_EVIDENCE
    where = "features.json, whose digest the rules name" if found.bound else "features.json beside the ledger"
    rows = [fact("Inputs", f"{config.model.features} numbers a record", where="rules, entry 0")]
    names = (
        None if described is None else ", ".join(column.feature.name for column in described.columns[:200])
    )
    rows.append(fact("Names of the inputs", names, basis, where))
    classes = None if described is None else ", ".join(described.classes)
    return (*rows, fact("Classes", classes, basis, where))
