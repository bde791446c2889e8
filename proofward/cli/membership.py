"""What an operator does with the site's kit: `proofward join` and `proofward revoke`."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.console import FLAW, KitPath, make_console, print_json
from proofward.cli.terms_in_words import in_words

if TYPE_CHECKING:
    from proofward.engines.remote.home import Home
    from proofward.engines.remote.terms import Seat, Terms
    from proofward.federation.history.history import History
    from proofward.federation.messages.rules import Rules

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
KIT = click.argument("kit", type=KitPath())
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

    What is written is for the operator only.
    """
    from proofward.data.csv_problems import CsvRefused
    from proofward.data.schema import FeaturesInvalid
    from proofward.engines.flare.kit import KitError
    from proofward.engines.remote.home import HomeError
    from proofward.federation.messages.refusal import Refusal
    from proofward.federation.messages.rules import RulesError
    from proofward.layers.errors import TrainingError
    from proofward.ledger.errors import LedgerError

    previous = os.umask(0o077)
    try:
        yield
    except (Refused, CsvRefused, FeaturesInvalid, KitError, HomeError, Refusal, RulesError, TrainingError,
            LedgerError, OSError, sqlite3.Error) as error:  # fmt: skip
        if as_json:
            problems = list(getattr(error, "problems", ()))
            plain: dict[str, object] = {"did": "refused", "reason": str(error)}
            print_json({**plain, "problems": problems} if problems else plain)
        else:
            make_console(quiet=True).print(f"refused: {error}", markup=False, soft_wrap=True)
        raise SystemExit(FLAW) from error
    finally:
        os.umask(previous)


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
    from proofward.engines.flare.kit import kind_of
    from proofward.engines.flare.supervisor import home_of
    from proofward.engines.remote.home import Home

    kind_of(kit)
    return Home(home_of(kit))


def passphrase_of(file: Path | None) -> bytes | None:
    """The passphrase in a file, else the one that the environment names; raises Refused, HomeError."""
    from proofward.engines.remote.home import passphrase_from_environment

    if file is None:
        return passphrase_from_environment()
    passphrase = file.read_bytes().strip()
    if not passphrase:
        raise Refused(f"{file} is empty: put the passphrase into it")
    return passphrase


@click.command()
@KIT
@PASSPHRASE
@JSON
def join(kit: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Make the protocol keys of the site's members in KIT, and show what they join.

    Harmless when it is repeated. The keys become known when the site is started.
    """
    from proofward.data.schema import FEATURES_NAME
    from proofward.engines.flare.checks import TO_JOIN, require_possible
    from proofward.engines.flare.kit import ADMIN, configure, kind_of, server_of
    from proofward.engines.remote.home import KEY, SEED
    from proofward.ledger.key_file import is_encrypted

    with answering(as_json):
        home, passphrase = opened(kit), passphrase_of(passphrase_file)
        require_possible(kit, TO_JOIN)
        if home.repeatable:
            raise Refused(
                f"{home.root / SEED} would make all keys and secrets of this site known to whoever wrote it: "
                "no hospital's kit has such a file; ask the coordinator why, and delete it"
            )
        tightened, terms = tighten(kit), home.terms
        plain: dict[str, object] = {"terms": terms.digest.hex(), "site": home.site, "tightened": tightened}
        lines = in_words(terms, *server_of(kit))
        if tightened:
            lines.append(f"{tightened} files or folders of {kit} were open to others: now they are not")
        if kind_of(kit) == ADMIN:
            lines.append(f"the coordinator has no keys to make; next: proofward start {kit}")
            tell({"did": "nothing", **plain, "members": []}, lines, as_json)
            return
        configure(kit)
        members, made = [], 0
        for seat in home.seats:
            path = home.member(seat.member) / KEY
            known = path.exists()
            if known and passphrase is not None and not is_encrypted(path):
                words = f"{path} was made without a passphrase; leave it out, or, before the site was started"
                raise Refused(f"{words} the first time, delete the file and join again")
            key = home.make_key(seat.member, passphrase)
            made += not known
            described = {"member": seat.member, "role": seat.role, "key": key.public.fingerprint}
            members.append({**described, "new": not known, "encrypted": is_encrypted(path)})
            lines.append(
                f"{seat.role} {seat.member}: key {key.public.fingerprint}{', made before' if known else ''}"
            )
        if (constants := home.root / FEATURES_NAME).exists():
            plain["features"] = hashlib.sha256(constants.read_bytes()).hexdigest()
            lines.append(f"features {plain['features']}")
        rules = home.rules
        plain["consortium"] = None if rules is None else rules.digest.hex()
        if rules is not None:
            lines.append(f"everybody has joined: consortium {rules.digest.hex()}")
        if not made:
            lines.append("all keys were there: nothing was changed")
        elif passphrase is None:
            lines.append("the keys are not encrypted: --passphrase-file would do that")
        else:
            lines.append("keep the passphrase: `proofward start` needs it, and nothing replaces it")
        lines.append(
            "next: compare the terms' digest with the other sites by telephone, enrol and start; then confirm"
        )
        tell({"did": "joined" if made else "nothing", **plain, "members": members}, lines, as_json)


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


def standing(home: Home, name: str, rules: Rules) -> History:
    """The ledger as a member has followed it; raises Refused when it is over for the member."""
    from proofward.engines.remote.requests import followed
    from proofward.federation.history.history_state import ANY_PHASE

    history = followed(home.member(name), rules)
    if history.size and history.phase not in ANY_PHASE:
        raise Refused(f"the federation is {history.phase}: nothing can be recorded any more")
    if name in history.revoked:
        raise Refused(f"{name} is revoked: nothing of it is recorded any more")
    return history


def ending(terms: Terms, gone: set[str]) -> str:
    """What a federation lacks for good without these members, "" when it can go on."""
    for role, least in (("hospital", terms.minimum_updates), ("verifier", terms.accepting_verdicts)):
        named = terms.named(role)
        left = [name for name in named if name not in gone]
        if len(left) < least and gone & set(named):
            found = f"{len(left)} {role}s are left, the rules ask for {least}"
            return f"this revocation ends the federation: {found}"
    return ""


@click.command()
@KIT
@click.argument("member", metavar="MEMBER")
@click.option("--reason", required=True, help="Recorded in the ledger for all to read: no patient's data.")
@click.option("--as", "voter", metavar="NAME", help="Which member of this site asks, if several may.")
@click.option("--yes", is_flag=True, help="Ask also when this revocation ends the federation.")
@JSON
def revoke(kit: Path, member: str, reason: str, voter: str | None, yes: bool, as_json: bool) -> None:
    """Ask that MEMBER take part no more, in the name of a verifier of KIT or of MEMBER itself.

    It is final once as many verifiers ask as accept a proof, and at once for oneself. The site's process
    sends it when it works next.
    """
    from proofward.engines.remote.requests import MAX_REASON, request_revocation
    from proofward.federation.messages.rules import AGGREGATOR, VERIFIER

    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        raise click.BadParameter(f"expected 1 to {MAX_REASON} characters", param_hint="--reason")
    with answering(as_json):
        home = opened(kit)
        seat = home.terms.find(member)
        if seat is None or seat.role == AGGREGATOR:
            others = [entry.member for entry in home.terms.seats if entry.role != AGGREGATOR]
            raise Refused(f"{member} is no hospital or verifier of the consortium: {', '.join(others)}")
        may = [entry for entry in home.seats if entry.role == VERIFIER or entry.member == member]
        asking = choose(may, voter, f"may ask for {member}'s revocation", "--as").member
        rules = home.rules
        gone = set(standing(home, asking, rules).revoked) if rules is not None else set[str]()
        if member in gone:
            raise Refused(f"{member} is revoked already")
        end = "" if yes else ending(home.terms, {*gone, member})
        if end and (as_json or not click.confirm(f"{end}. Ask all the same?", err=True)):
            raise Refused(f"{end}; --yes asks all the same")
        new = request_revocation(home.member(asking), member, reason)
        final = "is final" if asking == member else f"needs {home.terms.accepting_verdicts} verifiers in all"
        line = f"{asking} asks that {member} take part no more, which {final}; "
        line += "the site's process sends it when it works next"
        if not new:
            line = f"{asking} has asked for {member}'s revocation before: nothing was changed"
        tell({"did": "asked" if new else "nothing", "member": member, "by": asking}, [line], as_json)
