"""A site's own note of what its data files were enrolled for: budgets of several federations add up.

Nothing in a federation can tell that the same records are in another one, since each has salts of its own.
So every `enrol` leaves an entry here, readable by its owner only, and no byte of it is sent anywhere. A file
is known by the SHA-256 of its bytes, a folder of images by that of the records made of it. A copy with
another byte, or a part of the records, is another file to it: it helps who is honest and stops nobody.

Budgets are added as zCDP, each with all releases of its rules, for that is what its hospital may still sign.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

from proofward.engines.remote.agreement.terms import Terms
from proofward.ledger.files import make_directory, write_file
from proofward.privacy.words import NO_PRIVACY, shown
from proofward.privacy.zcdp import epsilon_of

VARIABLE = "PROOFWARD_SITE_LEDGER"
"""Names the file, where it is not in its usual place."""
MAX_BYTES, MAX_ENTRIES = 1 << 22, 1 << 14


@dataclass(frozen=True)
class Enrolled:
    """One data file's part in one federation.

    Attributes:
        data: SHA-256 of the data, in hex.
        terms: Digest of the federation's terms, in hex.
        federation: Its title.
        member: The hospital.
        rho: zCDP of all its releases, 0 where nothing is promised.
        inverse_delta: 1 / delta of its rules, 0 where nothing is promised.
    """

    data: str
    terms: str
    federation: str
    member: str
    rho: float
    inverse_delta: int

    @classmethod
    def of(cls, terms: Terms, member: str, data: bytes) -> Enrolled:
        """Of a data file's digest."""
        accountant, plain = terms.accountant, (data.hex(), terms.digest.hex(), terms.federation, member)
        if accountant is None:
            return cls(*plain, 0.0, 0)
        own = accountant.privacy
        return cls(*plain, accountant.rho(own.releases), own.inverse_delta)

    @property
    def words(self) -> str:
        """The federation and its promise."""
        if not self.inverse_delta:
            return f"{self.federation} ({NO_PRIVACY})"
        return f"{self.federation} (epsilon {shown(epsilon_of(self.rho, 1 / self.inverse_delta))})"


def place() -> Path:
    """Where the ledger of this site's user is."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "proofward" / "enrolled.json"


def digest_of(path: Path, records: bytes) -> bytes:
    """SHA-256 of a data file; of the records that were made of a folder."""
    if path.is_dir():
        return hashlib.sha256(records).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def read() -> list[Enrolled]:
    """All entries; raises OSError, and ValueError for a file that is none of these."""
    path = place()
    if not path.exists():
        return []
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    plain = json.loads(data) if len(data) <= MAX_BYTES else None
    if not isinstance(plain, list):
        raise ValueError(f"{path}: expected a list of enrolments")
    return [_entry(path, own) for own in plain]


def _entry(path: Path, plain: object) -> Enrolled:
    kinds = {"data": str, "terms": str, "federation": str, "member": str, "rho": float, "inverse_delta": int}
    if not isinstance(plain, dict) or {name: type(own) for name, own in plain.items()} != kinds:
        raise ValueError(f"{path}: expected the fields {', '.join(kinds)} of an enrolment")
    if not (isfinite(plain["rho"]) and plain["rho"] >= 0 and plain["inverse_delta"] in range(1 << 62)):
        raise ValueError(f"{path}: expected a budget")
    return Enrolled(**plain)


def note(entry: Enrolled) -> None:
    """Adds an entry, in the place of one of the same hospital; raises OSError, ValueError."""
    path = place()
    make_directory(path.parent)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        others = [own for own in read() if (own.terms, own.member) != (entry.terms, entry.member)]
        kept = [*others, entry][-MAX_ENTRIES:]
        data = json.dumps([asdict(own) for own in kept], indent=1).encode()
        write_file(path, data, path.with_suffix(".tmp"), 0o600)
    finally:
        os.close(descriptor)


def others_of(terms: str, member: str, entries: list[Enrolled]) -> list[Enrolled]:
    """Entries of the same data in other federations than that of these terms."""
    own = {entry.data for entry in entries if (entry.terms, entry.member) == (terms, member)}
    return [entry for entry in entries if entry.data in own and entry.terms != terms]


def composed(entries: list[Enrolled]) -> str:
    """What several federations over the same records come to together."""
    named = ", ".join(entry.words for entry in entries)
    if any(not entry.inverse_delta for entry in entries):
        return f"{named}: with exact sums in one of them nothing is promised for all together"
    delta = max(1 / entry.inverse_delta for entry in entries)
    total = epsilon_of(sum(entry.rho for entry in entries), delta)
    return f"{named}: together epsilon {shown(total)}, delta {delta:.3g}"


def told(terms: Terms, members: list[str]) -> list[str]:
    """What `doctor` and `join` say of the members' data in other federations; nothing of data in one."""
    lines: list[str] = []
    with suppress(OSError, ValueError):
        entries, digest = read(), terms.digest.hex()
        for member in members:
            own = [entry for entry in entries if (entry.terms, entry.member) == (digest, member)]
            if others := others_of(digest, member, entries):
                together = composed([*own, *others])
                lines.append(f"{member}'s data are in several federations: {together}")
    return lines
