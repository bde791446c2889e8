"""What an operator does with the site's kit: `proofward join` and `proofward revoke`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.answering import (
    JSON,
    KIT,
    PASSPHRASE,
    REASON,
    Refused,
    answering,
    choose,
    opened,
    passphrase_of,
    standing,
    tell,
    tighten,
)
from proofward.cli.kit.admit import key_in_words
from proofward.cli.kit.follow_option import choose_following, follow_options, following_lines
from proofward.cli.kit.records.data_file import schema_of
from proofward.cli.project.words.terms import in_words
from proofward.engines.operations.suggestions import command

if TYPE_CHECKING:
    from proofward.engines.remote.agreement.home import Home
    from proofward.engines.remote.agreement.terms import Terms
    from proofward.federation.messages.consortium.rules import Rules


@click.command()
@KIT
@PASSPHRASE
@follow_options
@JSON
def join(
    kit: Path, passphrase_file: Path | None, follow: str | None, witnesses: tuple[tuple[str, str], ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Make the protocol keys of the site's members in KIT, and show what they join.

    Harmless when it is repeated. The keys become known when the site is started.
    """
    from proofward.data.columns.schema import FEATURES_NAME
    from proofward.engines.contract import ADMIN
    from proofward.engines.registry import engine_of
    from proofward.engines.remote.agreement.home import KEY, SEED
    from proofward.engines.remote.agreement.site_ledger import told
    from proofward.ledger.key_file import is_encrypted

    with answering(as_json):
        home, passphrase = opened(kit), passphrase_of(passphrase_file)
        engine = engine_of(kit)
        engine.require_possible(kit, joining=True)
        if home.repeatable:
            raise Refused(
                f"{home.root / SEED} would make all keys and secrets of this site known to whoever wrote it: "
                "no hospital's kit has such a file; ask the coordinator why, and delete it"
            )
        tightened, terms = tighten(kit), home.terms
        plain: dict[str, object] = {"terms": terms.digest.hex(), "site": home.site, "tightened": tightened}
        lines = in_words(terms, engine.addresses(kit), engine.server(kit)[1])
        lines += told(terms, [seat.member for seat in home.seats])
        if tightened:
            lines.append(f"{tightened} files or folders of {kit} were open to others: now they are not")
        if engine.kind(kit) == ADMIN:
            lines += ["the coordinator has no keys to make", f"next: {command('start', kit)}"]
            tell({"did": "nothing", **plain, "members": []}, lines, as_json)
            return
        following = choose_following(home, follow, witnesses)
        engine.configure(kit)
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
            if home.added:
                plain["public_key"] = key_in_words(key.public.raw)
                lines.append(f"public key, for `proofward admit`: {key_in_words(key.public.raw)}")
        if (constants := home.root / FEATURES_NAME).exists():
            from proofward.data.image_schema import frozen_part_of

            plain["features"] = hashlib.sha256(constants.read_bytes()).hexdigest()
            lines.append(f"features {plain['features']}")
            if (frozen := frozen_part_of(schema_of(home))) is not None:
                plain["frozen"] = frozen.digest.hex()
                lines.append(f"frozen network {frozen.name} {frozen.digest.hex()}")
        plain["following"], rules = following, home.rules
        lines += following_lines(home, following)
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


def ending(terms: Terms, gone: set[str]) -> str:
    """What a federation lacks for good without these members, "" when it can go on."""
    for role, least in (("hospital", terms.check().fewest_enrolled), ("verifier", terms.accepting_verdicts)):
        named = terms.named(role)
        left = [name for name in named if name not in gone]
        if len(left) < least and gone & set(named):
            found = f"{len(left)} {role}s are left, the rules ask for {least}"
            return f"this revocation ends the federation: {found}"
    return ""


def known_admissions(home: Home, rules: Rules) -> set[str]:
    """Hospitals that were admitted, in the ledger as this kit's members have followed it."""
    from proofward.engines.remote.agreement.requests import followed

    ledgers = [followed(home.root / "members" / seat.member, rules) for seat in home.seats]
    return {name for ledger in ledgers for name in ledger.admitted}


@click.command()
@KIT
@click.argument("member", metavar="MEMBER")
@REASON
@click.option("--as", "voter", metavar="NAME", help="Which member of this site asks, if several may.")
@click.option("--yes", is_flag=True, help="Ask also when this revocation ends the federation.")
@JSON
def revoke(kit: Path, member: str, reason: str, voter: str | None, yes: bool, as_json: bool) -> None:
    """Ask that MEMBER take part no more, in the name of a verifier of KIT or of MEMBER itself.

    It is final once as many verifiers ask as accept a proof, and at once for oneself. The site's process
    sends it when it works next.
    """
    from proofward.engines.remote.agreement.requests import request_revocation
    from proofward.federation.messages.consortium.rules import AGGREGATOR, VERIFIER

    with answering(as_json):
        home = opened(kit)
        seat, rules = home.terms.find(member), home.rules
        admitted = known_admissions(home, rules) if seat is None and rules is not None else set[str]()
        if (seat is None and member not in admitted) or (seat is not None and seat.role == AGGREGATOR):
            others = [entry.member for entry in home.terms.seats if entry.role != AGGREGATOR]
            raise Refused(f"{member} is no hospital or verifier of the consortium: {', '.join(others)}")
        may = [entry for entry in home.seats if entry.role == VERIFIER or entry.member == member]
        asking = choose(may, voter, f"may ask for {member}'s revocation", "--as").member
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
