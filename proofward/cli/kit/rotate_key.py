"""`proofward rotate-key`: the next protocol key of a member, made once however often it is asked for."""

from __future__ import annotations

from pathlib import Path

import click

from proofward.cli.common.answering import (
    JSON,
    KIT,
    PASSPHRASE,
    Refused,
    answering,
    choose,
    opened,
    passphrase_of,
    standing,
    tell,
)


@click.command(name="rotate-key")
@KIT
@click.option("--member", metavar="NAME", help="Whose key, if the site has several members.")
@click.option("--another", is_flag=True, help="Change once more, from a key that came by an earlier change.")
@PASSPHRASE
@JSON
def rotate_key(
    kit: Path, member: str | None, another: bool, passphrase_file: Path | None, as_json: bool
) -> None:
    """Make the next protocol key of a hospital or verifier of KIT; the site's process changes to it.

    Given again it changes nothing and says whether the new key is in force.
    """
    from proofward.engines.remote.agreement.requests import make_next_key, promote_next_key
    from proofward.federation.messages.consortium.rules import AGGREGATOR

    with answering(as_json):
        home, passphrase = opened(kit), passphrase_of(passphrase_file)
        seats = [seat for seat in home.seats if seat.role != AGGREGATOR]
        name = choose(seats, member, "can change its key", "--member").member
        key, following, rules = home.key(name, passphrase), home.next_key(name, passphrase), home.rules
        if rules is None:
            raise Refused(
                "not everybody has joined yet, so there is no key in force; before the site was started the "
                f"first time, delete {home.member(name)} and join again"
            )
        history = standing(home, name, rules)
        first = history.find(name)
        assert first is not None
        known = history.keys[name]
        if following is not None and following.public.raw == known:
            promote_next_key(home, name)
            key, following = following, None
        if key.public.raw != known:
            raise Refused(f"{home.member(name)}: the ledger has another key of {name} than this one")
        plain: dict[str, object] = {"member": name, "key": key.public.fingerprint}
        if following is None and known != first.key and not another:
            lines = [f"{name}: the new key {key.public.fingerprint} is in force: nothing was changed"]
            lines.append("for one more change give --another")
            tell({"did": "nothing", **plain, "next": None, "in_force": True}, lines, as_json)
            return
        made = make_next_key(home, name, passphrase, key)
        lines = [f"{name}: key {key.public.fingerprint} until the ledger has the change to"]
        lines.append(f"{' ' * len(name)}  key {made.public.fingerprint}")
        if following is not None:
            lines.append("this was asked for before and is not in force yet: nothing was changed")
        else:
            lines.append("the site's process changes to it when it works next; keep both files until then")
        did = "made" if following is None else "nothing"
        tell({"did": did, **plain, "next": made.public.fingerprint, "in_force": False}, lines, as_json)
