"""[attestation] of consortium.toml: what is asked of evidence about members' machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from proofward.attestation.claims import KINDS, LABELS, PROCESSORS, STATES
from proofward.attestation.policy import (
    LEVELS,
    MOST_MEASUREMENTS,
    MOST_ROOTS,
    MOST_SECONDS,
    REQUIRED,
    ROLES,
    SOFTWARE,
    STATUSES,
    UP_TO_DATE,
    USUAL_AGE,
    Policy,
    vendor_roots,
)
from proofward.cli.project.tables.table import ProjectError, Table
from proofward.layers.basics.errors import ConfigurationError
from proofward.models.keys import Integer, Key, Keys, Several, Text

WHERE, NONE = "attestation.", "none"
HEXADECIMAL = "[0-9a-f]+"
LABELLED = "|".join(f"{kind} ({'|'.join(labels)})" for kind, labels in sorted(LABELS.items()))
ATTESTATION = Keys((
    Key("level", Text(options=(NONE, *LEVELS)), "none, recorded, or required before a hospital enrols", NONE),
    Key("kinds", Several(Text(options=KINDS), 1, distinct=True),
        "which are accepted; a GPU's evidence stands beside a processor's", tuple(PROCESSORS)),
    Key("roles", Several(Text(options=ROLES), 1, distinct=True), "who is asked for it", ("hospital",)),
    Key("maximum_age", Integer(1, MOST_SECONDS),
        "seconds between the ledger that evidence names and the message that brings it", USUAL_AGE),
    Key("measurements",
        Several(Text(pattern=f"^({LABELLED}) {HEXADECIMAL}$"), 0, MOST_MEASUREMENTS, distinct=True),
        'what may be measured, as "snp launch HEX" or "tdx mrtd HEX"; without any, all software will do', ()),
    Key("forbidden", Several(Text(options=STATES), 0, distinct=True),
        "what a machine's owner may not have allowed", STATES),
    Key("statuses", Several(Text(options=STATUSES), 1, distinct=True),
        "what Intel may say of a machine's firmware", (SOFTWARE, UP_TO_DATE)),
    Key("roots", Several(Text(pattern=f"^({'|'.join(KINDS)}) {HEXADECIMAL}$"), 0, MOST_ROOTS, distinct=True),
        "fingerprints of root certificates, as snp HEX, in place of the vendors'", ()),
))  # fmt: skip


def read_attestation(values: Mapping[str, Any]) -> Policy | None:
    """The table, None where nothing is asked; raises ProjectError."""
    table = Table(values, WHERE, ATTESTATION)
    level = table.text("level")
    if level == NONE:
        if len(values) > table.has("level"):
            raise ProjectError(f"{WHERE}level", f"{' or '.join(LEVELS)}, as other keys are given", NONE)
        return None
    kinds = tuple(sorted(table.texts("kinds")))
    own = tuple(sorted(_bytes("roots", text, 1) for text in table.texts("roots")))
    roots = tuple((kind, value) for (kind,), value in own)
    given = {kind for kind, _ in roots}
    roots += vendor_roots([kind for kind in kinds if kind in LABELS and kind not in given])
    measured: dict[tuple[str, ...], list[bytes]] = {}
    for text in table.texts("measurements"):
        words, value = _bytes("measurements", text, 2)
        measured.setdefault(words, []).append(value)
    try:
        return Policy(
            level=level,
            kinds=kinds,
            roles=tuple(sorted(table.texts("roles"))),
            maximum_age=table.integer("maximum_age"),
            measurements=tuple(
                (kind, label, tuple(sorted(found))) for (kind, label), found in sorted(measured.items())
            ),
            forbidden=tuple(sorted(table.texts("forbidden"))),
            statuses=tuple(sorted(table.texts("statuses"))),
            roots=tuple(sorted(roots)),
        )
    except ConfigurationError as error:
        raise ProjectError(error.field, error.expected, repr(error.actual)[:80]) from error


def _bytes(name: str, text: str, words: int) -> tuple[tuple[str, ...], bytes]:
    """The words before a value in hexadecimal digits, and the value."""
    found = text.split(" ")
    try:
        if len(found) == words + 1:
            return tuple(found[:words]), bytes.fromhex(found[words])
    except ValueError:
        pass
    expected = "a kind, a label and a value" if words > 1 else "a kind and a fingerprint"
    raise ProjectError(WHERE + name, f"{expected} in hexadecimal digits", repr(text)[:80])


def plain_attestation(policy: Policy) -> dict[str, Any]:
    """Plain values, as the file has them."""
    measured = [f"{kind} {label} {value.hex()}" for kind, label, own in policy.measurements for value in own]
    roots = [] if policy.roots == vendor_roots(policy.kinds) else policy.roots
    return {
        "level": policy.level,
        "kinds": list(policy.kinds),
        "roles": list(policy.roles),
        "maximum_age": policy.maximum_age,
        "measurements": measured,
        "forbidden": list(policy.forbidden),
        "statuses": list(policy.statuses),
        "roots": [f"{kind} {value.hex()}" for kind, value in roots],
    }


def attestation_lines(policy: Policy | None) -> Iterator[str]:
    """The table of a completed project."""
    if policy is None:
        return
    yield from ("", "[attestation]  # evidence of machines: it stands for no proof")
    for name, value in plain_attestation(policy).items():
        yield f"{name} = {json.dumps(value)}  # {ATTESTATION[name].meaning}"


def attestation_in_words(policy: Policy | None) -> list[str]:
    """What is asked, for who joins."""
    if policy is None:
        return []
    needed = "; who has none does not enrol" if policy.level == REQUIRED else ""
    return [f"{policy.words}{needed}; it stands for no proof"]
