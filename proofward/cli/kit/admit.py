"""`proofward admit`: a verifier's vote for a hospital that the consortium's terms do not name."""

from __future__ import annotations

import re
from pathlib import Path

import click

from proofward.cli.common.answering import JSON, KIT, Refused, answering, choose, opened, standing, tell

PREFIX = "ed25519:"


def key_in_words(key: bytes) -> str:
    """A public key as `join` shows it and `admit` takes it: its form tells it from a fingerprint."""
    return f"{PREFIX}{key.hex()}"


@click.command()
@KIT
@click.argument("name", metavar="NAME")
@click.option("--key", required=True, metavar="ed25519:HEX",
              help="NAME's public key, as `proofward join` shows it there: ask by telephone.")  # fmt: skip
@click.option("--as", "voter", metavar="VERIFIER", help="Which verifier of this site votes, if several may.")
@JSON
def admit(kit: Path, name: str, key: str, voter: str | None, as_json: bool) -> None:
    """Vote that the hospital NAME take part, in the name of a verifier of KIT.

    It is admitted once as many verifiers ask as accept a proof, and is then a member for good: only
    `proofward revoke` ends that. The site's process sends the vote when it works next.
    """
    from proofward.engines.remote.agreement.names import fault_of_name
    from proofward.engines.remote.agreement.requests import request_admission
    from proofward.federation.history.steps.admission import admission_votes, check_candidate
    from proofward.federation.messages.consortium.rules import VERIFIER

    found = re.fullmatch(f"{PREFIX}([0-9a-fA-F]{{64}})", key.strip())
    if found is None:
        words = f"expected {PREFIX} and 64 hexadecimal digits, the public key and not its fingerprint"
        raise click.BadParameter(words, param_hint="--key")
    public = bytes.fromhex(found[1])
    with answering(as_json):
        if fault := fault_of_name(name):
            raise Refused(f"no site can have this name: {fault}")
        home = opened(kit)
        may = [seat for seat in home.seats if seat.role == VERIFIER]
        asking, rules = choose(may, voter, "may vote for an admission", "--as").member, home.rules
        if rules is None:
            raise Refused("not everybody has joined yet: hospitals are admitted once it has begun")
        history = standing(home, asking, rules)
        known = history.admitted.get(name)
        check_candidate(history, asking, name, public)
        new = known is None and request_admission(home.member(asking), name, public)
        voters = admission_votes(history).get((name, public), ())
        line = f"{asking} votes that {name} be admitted with that key; "
        line += f"{rules.accepting_verdicts} verifiers are needed; the site's process sends it when it works"
        if known is not None:
            line = f"{name} is admitted already: nothing was changed"
        elif not new:
            line = f"{asking} has voted for {name} before: nothing was changed"
        plain = {"did": "asked" if new else "nothing", "member": name, "by": asking, "votes": list(voters)}
        tell({**plain, "needed": rules.accepting_verdicts, "admitted": known is not None}, [line], as_json)
