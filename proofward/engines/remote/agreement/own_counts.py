"""What a hospital of a site counts, and whether it publishes that.

Its own counts of evaluations are published only if its operator has said so. Counts of an outside model do
not hang on the federation's: they are made beforehand, by a command at the site, and wait in its folder.
"""

from __future__ import annotations

from proofward.engines.remote.agreement.home import Home
from proofward.federation.messages.basics.values import Signed, integers_from_bytes, integers_to_bytes
from proofward.federation.parties.equipment.counting import CountingTask, CountSource, CountsUnavailable
from proofward.ledger.files import write_file
from proofward.ledger.reading import NotReadable, read_regular
from proofward.relations.rules.counting import Counting

FLAG = "publishes-counts"
"""A file in the member's folder."""
COUNTS = "counts-{}"
"""Likewise, with the counting's digest."""


def publishes_counts(home: Home, member: str) -> bool:
    """Whether it does."""
    return (home.member(member) / FLAG).is_file()


def set_publishes_counts(home: Home, member: str, whether: bool) -> None:
    """Remembers it."""
    folder = home.member(member)
    if whether:
        write_file(folder / FLAG, b"", folder / f".{FLAG}.writing", mode=0o600)
    else:
        (folder / FLAG).unlink(missing_ok=True)


def save_counts(home: Home, member: str, counting: Counting, counts: Signed) -> None:
    """Keeps what the hospital counted, int64 (length,), instead of what is there."""
    path = home.member(member) / COUNTS.format(counting.digest().hex())
    write_file(path, integers_to_bytes(counts), path.with_name(f".{path.name}.writing"), mode=0o600)


def has_counts(home: Home, member: str, counting: tuple[Counting, ...]) -> bool:
    """Whether all are there."""
    folder = home.member(member)
    return all((folder / COUNTS.format(own.digest().hex())).is_file() for own in counting)


def has_data(home: Home, member: str) -> bool:
    """Whether a hospital's records are there or, where all rounds count, its counts."""
    terms = home.terms
    counts_only = sum(len(own.rounds) for own in terms.counted) == terms.rounds
    return home.has_dataset(member) or (counts_only and has_counts(home, member, terms.counted))


def stored_counts(home: Home, member: str) -> CountSource:
    """The source that gives what was kept."""

    def count(task: CountingTask) -> Signed:
        path = home.member(member) / COUNTS.format(task.counting.digest().hex())
        if not path.is_file():
            raise CountsUnavailable(f"{path} is not there: count with `proofward count`")
        try:
            found = integers_from_bytes(read_regular(path, 8 * task.counting.length), task.counting.length)
        except NotReadable:
            found = None
        if found is None:
            raise CountsUnavailable(f"{path} has not {task.counting.length} counts")
        return found

    return count
