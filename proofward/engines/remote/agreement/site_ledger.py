"""A site's own note of what its data files were enrolled for: budgets of several federations add up.

Nothing in a federation can tell that the same records are in another one, since each has salts of its own.
So every `enrol` and every `count` leaves an entry here, readable by its owner only, and no byte of it is sent
anywhere. A file is known by the SHA-256 of its bytes, a folder of images by that of the records made of it;
and what is enrolled by a sketch of its records, so that a file with some patients more is recognised as long
as columns and constants are the same (`record_sketch`). It helps who is honest and stops nobody.

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

from proofward.engines.remote.agreement.record_sketch import is_sketch, share_records
from proofward.engines.remote.agreement.terms import Terms
from proofward.ledger.files import make_directory, write_file
from proofward.privacy.words import NO_PRIVACY, shown
from proofward.privacy.zcdp import epsilon_of

VARIABLE = "PROOFWARD_SITE_LEDGER"
"""Names the file, where it is not in its usual place."""
MAX_BYTES, MAX_ENTRIES = 1 << 26, 1 << 11


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
        records: A sketch of its records, "" where there is none, as of counts.
    """

    data: str
    terms: str
    federation: str
    member: str
    rho: float
    inverse_delta: int
    records: str = ""

    @classmethod
    def of(cls, terms: Terms, member: str, data: bytes, records: str = "") -> Enrolled:
        """Of a data file's digest, and the sketch of its records."""
        accountant, plain = terms.accountant, (data.hex(), terms.digest.hex(), terms.federation, member)
        if accountant is None:
            return cls(*plain, 0.0, 0, records)
        own = accountant.privacy
        return cls(*plain, accountant.rho(own.releases), own.inverse_delta, records)

    def shares_with(self, other: Enrolled) -> bool:
        """Whether it is of the same data, or of some of the same records."""
        return self.data == other.data or share_records(self.records, other.records)

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
    found = {name: type(own) for name, own in plain.items()} if isinstance(plain, dict) else {}
    if found not in (kinds, {**kinds, "records": str}):  # earlier ones have no sketch
        raise ValueError(f"{path}: expected the fields {', '.join(kinds)} of an enrolment")
    assert isinstance(plain, dict)
    if not is_sketch(plain.get("records", "")):
        raise ValueError(f"{path}: expected a sketch of records")
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
    """Entries of the same data, or some of its records, in other federations than that of these terms."""
    own = [entry for entry in entries if (entry.terms, entry.member) == (terms, member)]
    others = (entry for entry in entries if entry.terms != terms)
    return [entry for entry in others if any(mine.shares_with(entry) for mine in own)]


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
