"""`--follow` and `--witness` of `proofward join`: how the site's hospitals follow the ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from proofward.cli.common.answering import Refused

if TYPE_CHECKING:
    from proofward.engines.remote.agreement.home import Home

EVERYTHING, HEADS = "everything", "heads"


def follow_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Both options, as `follow` and `witnesses`."""
    asked = click.option(
        "--witness", "witnesses", nargs=2, multiple=True, metavar="URL VKEY",
        help="With --follow heads: a witness of the ledger, who is asked what it has seen when nothing newer "
             "comes; may be repeated.",
    )  # fmt: skip
    follow = click.option(
        "--follow", type=click.Choice((EVERYTHING, HEADS)), show_default=f"as before, at first {EVERYTHING}",
        help="What the site's hospital reads: every entry of the ledger, or heads that verifiers sign, where "
             "the terms have them. Takes effect when the site is started next.",
    )  # fmt: skip
    return follow(asked(function))


def choose_following(home: Home, follow: str | None, witnesses: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What each hospital of a kit follows, after the operator's choice; raises Refused."""
    from proofward.engines.remote.agreement.following import Following, keep, kept, why_not
    from proofward.federation.messages.consortium.rules import HOSPITAL

    hospitals = [seat.member for seat in home.seats if seat.role == HOSPITAL]
    if witnesses and follow != HEADS:
        raise Refused("--witness is for --follow heads: who follows everything needs nobody's word")
    if follow == HEADS:
        if not hospitals:
            raise Refused(f"{home.site} has no hospital: all others follow everything")
        if why := why_not(home.terms):
            raise Refused(f"--follow heads: {why}")
    if follow is not None:
        chosen = Following(follow == HEADS, tuple(_witness(*one) for one in witnesses))
        for name in hospitals:
            keep(home.member(name), chosen)
    return {name: HEADS if kept(home.member(name)).heads else EVERYTHING for name in hospitals}


def following_lines(home: Home, following: dict[str, str]) -> list[str]:
    """For people; nothing where everything is followed."""
    terms, found = home.terms, [name for name, what in following.items() if what == HEADS]
    rules = terms.check() if found else None
    lines = []
    for name in found:
        assert rules is not None
        lines.append(
            f"{name} follows heads: it takes what {rules.head_quorum} of {len(rules.verifiers)} verifiers "
            f"sign, and reads every entry only while it holds shares"
        )
    if found and len(home.seats) > len(found):
        lines.append("a verifier of this site reads every entry all the same")
    return lines


def _witness(url: str, vkey: str) -> Any:
    from proofward.engines.remote.agreement.following import witness
    from proofward.ledger.errors import LedgerError

    try:
        return witness(url, vkey)
    except (LedgerError, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="--witness") from error
