"""What an operator asks of a member whose process may be running: files that the process picks up.

A process holds its member's lock and state database, so whoever stands beside it writes here only:

HOME/members/NAME/requests/revoke-MEMBER   {"member": ..., "reason": ...}: `Follower.request_revocation`
HOME/members/NAME/requests/admit-MEMBER.KEY {"member": ..., "key": ...}: `Verifier.request_admission`
HOME/members/NAME/next.key                 the key to change to

and reads the database without writing. A request stays: asking for the same thing again changes nothing.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from proofward.engines.remote.agreement.home import KEY, NEXT_KEY, STATE, Home
from proofward.engines.remote.agreement.request_files import (
    found_requests,
    is_reason,
    path_of,
    read_request,
    require_reason,
    write_request,
)
from proofward.federation.history.history import History
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.parties.following.extension import replayed
from proofward.ledger.files import sync_directory
from proofward.ledger.keys import SigningKey

REVOKE, ADMIT = "revoke-", "admit-"


def request_revocation(folder: Path, member: str, reason: str) -> bool:
    """Writes a request into a member's folder, durably.

    Returns False when this member's revocation was asked for before.
    """
    require_reason(reason)
    path = path_of(folder, f"{REVOKE}{member}")
    if _read(path) is not None:
        return False
    write_request(path, {"member": member, "reason": reason})
    return True


def request_admission(folder: Path, member: str, key: bytes) -> bool:
    """Writes a request into a verifier's folder, durably; False when the same was asked for before."""
    path = path_of(folder, f"{ADMIT}{member}.{key.hex()}")
    if _read_admission(path) is not None:
        return False
    write_request(path, {"member": member, "key": key.hex()})
    return True


def pending_revocations(folder: Path) -> list[tuple[str, str]]:
    """Member and reason of every request in a member's folder, by member.

    What is no request is passed over: it came from nobody's command. Never raises for what lies there.
    """
    return [request for path in found_requests(folder, REVOKE) if (request := _read(path)) is not None]


def pending_admissions(folder: Path) -> list[tuple[str, bytes]]:
    """Name and key of every request in a verifier's folder, by name. Never raises for what lies there."""
    return [
        request for path in found_requests(folder, ADMIT) if (request := _read_admission(path)) is not None
    ]


def _read_admission(path: Path) -> tuple[str, bytes] | None:
    plain = read_request(path)
    member, key = plain.get("member"), plain.get("key")
    if not isinstance(member, str) or not isinstance(key, str) or path.name != f"{ADMIT}{member}.{key}":
        return None
    return (member, bytes.fromhex(key)) if re.fullmatch("[0-9a-f]{64}", key) else None


def _read(path: Path) -> tuple[str, str] | None:
    plain = read_request(path)
    member, reason = plain.get("member"), plain.get("reason")
    if not isinstance(member, str) or path.name != f"{REVOKE}{member}":
        return None
    return (member, reason) if is_reason(reason) else None


@contextmanager
def _database(folder: Path) -> Iterator[sqlite3.Connection | None]:
    """A member's state, to be read only; None before there is any."""
    path = folder / STATE
    if not path.exists() or path.stat().st_size == 0:
        yield None
        return
    database = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, timeout=30.0)
    try:
        known = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        yield database if {"entries", "facts", "secrets"} <= known else None
    finally:
        database.close()


def followed(folder: Path, rules: Rules) -> History:
    """The ledger as a member has followed it; raises Refusal when what is stored makes no sense."""
    with _database(folder) as database:
        rows = [] if database is None else database.execute("SELECT data FROM entries ORDER BY number")
        return replayed(rules, (bytes(row[0]) for row in rows))


def facts(folder: Path, prefixes: tuple[str, ...]) -> dict[str, str]:
    """A member's private notes whose names begin so, as text."""
    return {name: value.decode(errors="replace") for name, value in raw_facts(folder, prefixes).items()}


def raw_facts(folder: Path, prefixes: tuple[str, ...]) -> dict[str, bytes]:
    """A member's private notes whose names begin so."""
    with _database(folder) as database:
        rows = [] if database is None else database.execute("SELECT name, value FROM facts")
        return {str(name): bytes(value) for name, value in rows if name.startswith(prefixes)}


def enrolment_begun(folder: Path) -> bool:
    """Whether a hospital has committed to its records: from then on they are what it trains on."""
    with _database(folder) as database:
        if database is None:
            return False
        found = database.execute("SELECT 1 FROM secrets WHERE substr(name, 1, 8) = 'dataset/' LIMIT 1")
        return found.fetchone() is not None


def make_next_key(home: Home, name: str, passphrase: bytes | None, present: SigningKey) -> SigningKey:
    """The key to change to: made and saved if there is none. present: the key in force; another one each."""
    path = home.member(name) / NEXT_KEY
    if not path.exists():
        source = home.randomness(name).source("next-identity", present.public.raw)
        SigningKey.generate(source).save(path, passphrase)
    return SigningKey.load(path, passphrase)


def promote_next_key(home: Home, name: str) -> None:
    """The next key, which the ledger has as the member's by now, takes the earlier one's place."""
    folder = home.member(name)
    os.replace(folder / NEXT_KEY, folder / KEY)
    sync_directory(folder)
