"""`proofward confirm`: the operator has compared the consortium's fingerprint, and the site may begin."""

from __future__ import annotations

from pathlib import Path

import click

from proofward.cli.common.answering import JSON, KIT, Refused, answering, opened, tell


@click.command()
@KIT
@click.option("--consortium", metavar="FINGERPRINT",
              help="The fingerprint as others read it out, in words or digits, in place of the question; "
              "it may be given before everybody has joined.")  # fmt: skip
@JSON
def confirm(kit: Path, consortium: str | None, as_json: bool) -> None:
    """Say that KIT's consortium has the fingerprint that other members see; before that KIT sends nothing.

    Ask two other members by telephone. The fingerprint stands for the rules with everybody's keys: when it is
    the same, nobody has put another key in a member's place.
    """
    from proofward.cli.common.fingerprint import digest_of, lines

    if as_json and consortium is None:
        raise click.UsageError("--json asks no questions: give --consortium")
    given = None if consortium is None else digest_of(consortium)
    if consortium is not None and given is None:
        raise click.BadParameter("expected 24 words or 64 hexadecimal digits", param_hint="--consortium")
    with answering(as_json):
        home = opened(kit)
        rules = home.rules
        if rules is None and given is None:
            raise Refused(
                "not everybody has joined yet: start the site, compare when `status` shows the fingerprint"
            )
        if rules is not None and given is not None and given != rules.digest.hex():
            raise Refused(
                f"the fingerprint here is {rules.digest.hex()}, not {given}: somebody's key or the terms are "
                "others; do not start, and ask the coordinator and two other members"
            )
        if rules is not None and home.confirmed(rules):
            tell(
                {"did": "nothing", "consortium": rules.digest.hex()},
                ["confirmed before: nothing was changed"],
                as_json,
            )
            return
        if given is None:
            assert rules is not None
            given = rules.digest.hex()
            for line in ("The consortium's fingerprint:", *lines(given)):
                click.echo(line)
            if not click.confirm("Do two other members see the same, told by telephone or in person?"):
                raise Refused("nothing was confirmed, and the site goes on waiting")
        home.confirm(bytes.fromhex(given))
        tell(
            {"did": "confirmed", "consortium": given},
            ["confirmed: the site goes on when it works next"],
            as_json,
        )
