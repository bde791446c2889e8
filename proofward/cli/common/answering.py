"""What commands on a kit or a consortium share: options, refusals in words, the member that is meant."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.console import FLAW, KitPath, WrongThing, make_console, print_json
from proofward.cli.common.guard import sentence_of

if TYPE_CHECKING:
    from proofward.engines.remote.agreement.home import Home
    from proofward.engines.remote.agreement.terms import Seat
    from proofward.federation.history.state.history_state import HistoryState
    from proofward.federation.messages.consortium.rules import Rules


def _reason(context: click.Context, parameter: click.Parameter, value: str) -> str:
    from proofward.engines.remote.agreement.request_files import MAX_REASON, is_reason

    if not is_reason(reason := value.strip()):
        raise click.BadParameter(f"expected 1 to {MAX_REASON} characters", param_hint="--reason")
    return reason


REASON = click.option("--reason", required=True, callback=_reason,
                      help="Recorded in the ledger for all to read: no patient's data.")  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
KIT = click.argument("kit", type=KitPath())
SOURCE = click.argument(
    "source", metavar="RUN|KIT", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
PASSPHRASE = click.option(
    "--passphrase-file", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the passphrase of the protocol keys; they are encrypted with it.",
)  # fmt: skip


class Refused(Exception):
    """What happened, where, and what to do. problems: all that was found, a line each."""

    def __init__(self, words: str, problems: Sequence[str] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  ".join((words, *self.problems)))


def tell(plain: Mapping[str, object], lines: Sequence[str], as_json: bool) -> None:
    """The outcome, as a document or as lines."""
    if as_json:
        print_json(plain)
        return
    console = make_console()
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


@contextmanager
def answering(as_json: bool) -> Iterator[None]:
    """Whatever is wrong with a kit or a file ends the command with words and exit code 1.

    A file of another kind than the command takes is wrong use, exit code 2. What is written is for the
    operator only.
    """
    from proofward.data.columns.schema import FeaturesInvalid
    from proofward.data.images.contract.refusal import ImageRefused, ImagesExtraMissing, ImagesRefused
    from proofward.data.reading.problems import CsvRefused
    from proofward.data.tables.refusal import FileRefused, TablesExtraMissing
    from proofward.engines.contract import KitError
    from proofward.engines.remote.agreement.home import HomeError
    from proofward.federation.messages.basics.refusal import Refusal
    from proofward.federation.messages.consortium.rules import RulesError
    from proofward.layers.basics.errors import TrainingError
    from proofward.ledger.errors import LedgerError

    previous = os.umask(0o077)
    try:
        yield
    except (Refused, CsvRefused, FeaturesInvalid, KitError, HomeError, Refusal, RulesError, TrainingError,
            LedgerError, ImageRefused, ImagesRefused, ImagesExtraMissing, FileRefused, TablesExtraMissing,
            OSError, sqlite3.Error) as error:  # fmt: skip
        reason = sentence_of(error) if isinstance(error, OSError) and error.strerror else str(error)
        if of_other_kind(error):
            raise WrongThing(reason) from error
        if as_json:
            problems = list(getattr(error, "problems", ()))
            plain: dict[str, object] = {"did": "refused", "reason": reason}
            print_json({**plain, "problems": problems} if problems else plain)
        else:
            demand = error.demand if isinstance(error, Refusal) else ""
            words = f"refused: {reason}" + (f"\nwhat is demanded: {demand}" if demand else "")
            make_console(quiet=True).print(words, markup=False, soft_wrap=True)
        raise SystemExit(FLAW) from error
    finally:
        os.umask(previous)


def of_other_kind(error: BaseException | None) -> bool:
    """Whether an error, or what it came from, says that a file is of another kind than was asked for."""
    from proofward.encoding.errors import OtherKind

    while error is not None:
        if isinstance(error, OtherKind):
            return True
        error = error.__cause__
    return False


def tighten(folder: Path) -> int:
    """Takes everything in a folder from group and others; how many files and folders were theirs."""
    changed = 0
    for path in (folder, *sorted(folder.rglob("*"))):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        if mode & 0o077:
            path.chmod(mode & 0o7700)
            changed += 1
    return changed


def opened(kit: Path) -> Home:
    """The site's folder in a kit; raises KitError, HomeError."""
    from proofward.engines.contract import home_of
    from proofward.engines.registry import engine_of
    from proofward.engines.remote.agreement.home import Home

    engine_of(kit).kind(kit)
    return Home(home_of(kit))


def passphrase_of(file: Path | None) -> bytes | None:
    """The passphrase in a file, else the one that the environment names; raises Refused, HomeError."""
    from proofward.engines.remote.agreement.home import passphrase_from_environment

    if file is None:
        return passphrase_from_environment()
    passphrase = file.read_bytes().strip()
    if not passphrase:
        raise Refused(f"{file} is empty: put the passphrase into it")
    return passphrase


def choose(seats: Sequence[Seat], named: str | None, what: str, option: str) -> Seat:
    """The seat that is meant; raises Refused."""
    names = ", ".join(seat.member for seat in seats)
    found = [seat for seat in seats if named in (None, seat.member)]
    if len(found) == 1:
        return found[0]
    if not seats:
        raise Refused(f"no member of this kit {what}")
    if named is not None:
        raise Refused(f"{named} is none of this kit's members that {what}: {names}")
    raise Refused(f"several members of this kit {what}: name one with {option}: {names}")


def standing(home: Home, name: str, rules: Rules) -> HistoryState:
    """The ledger as a member has followed it; raises Refused when it is over for the member."""
    from proofward.engines.remote.agreement.kept_heads import furthest
    from proofward.federation.history.state.history_state import ANY_PHASE

    history = furthest(home.member(name), rules)
    if history.size and history.phase not in ANY_PHASE:
        raise Refused(f"the federation is {history.phase}: nothing can be recorded any more")
    if history.find(name) is None:
        raise Refused(f"{name} is not admitted yet: nothing of it can be recorded before")
    if name in history.revoked:
        raise Refused(f"{name} is revoked: nothing of it is recorded any more")
    return history
