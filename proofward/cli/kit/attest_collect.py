"""`proofward attest collect`: evidence of the machine that runs a kit, for its process to show."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.attestation.claims import KINDS, MAX_COLLATERAL_BYTES, MAX_EVIDENCE_BYTES, PROCESSORS, Item
from proofward.cli.common.answering import JSON, KIT, Refused, answering, choose, opened, tell
from proofward.cli.common.evidence_options import FILE, pairs

if TYPE_CHECKING:
    from proofward.attestation.binding import Binding
    from proofward.attestation.policy import Policy
    from proofward.engines.remote.agreement.home import Home
    from proofward.engines.remote.agreement.terms import Seat
    from proofward.federation.history.history import History
    from proofward.federation.messages.consortium.rules import Rules


@click.command()
@KIT
@click.option("--as", "named", metavar="MEMBER", help="Whose key the evidence names, if several are here.")
@click.option("--evidence", type=(click.Choice(KINDS), FILE), multiple=True, metavar="KIND FILE",
              help="Evidence made elsewhere, instead of this machine's; may be repeated.")  # fmt: skip
@click.option("--collateral", type=(click.Choice(KINDS), FILE), multiple=True, metavar="KIND FILE",
              help="The vendor's certificates and lists for a kind; may be repeated.")  # fmt: skip
@click.option("--prepare", is_flag=True,
              help="Only say what evidence has to be bound to, for a GPU or a machine apart.")  # fmt: skip
@click.option("--tsm", type=click.Path(path_type=Path), metavar="FOLDER",
              help="Where configfs-tsm is.", show_default="/sys/kernel/config/tsm/report")  # fmt: skip
@JSON
def collect(
    kit: Path,
    named: str | None,
    evidence: tuple[tuple[str, Path], ...],
    collateral: tuple[tuple[str, Path], ...],
    prepare: bool,
    tsm: Path | None,
    as_json: bool,
) -> None:
    """Ask this machine for evidence bound to a member of KIT, and keep it for the site's process to show.

    The evidence names the consortium, the member, its key, its TLS certificate, the ledger as far as the site
    has followed it, and random bytes. It is verified here first: what is shown once for a key cannot be
    replaced. No network is used; the vendor's collateral is fetched apart and given as files.
    """
    from proofward.attestation.collect import CannotCollect, Prepared
    from proofward.attestation.errors import CannotVerify, EvidenceRefused
    from proofward.engines.remote.agreement.prepared_evidence import ASKED, fits, keep, kept

    with answering(as_json):
        home = opened(kit)
        seat = choose(home.seats, named, "can show evidence", "--as")
        policy, wanted = _wanted(kit, home, seat)
        asked = kept(home, seat.member, ASKED)
        binding = asked.binding if asked is not None and fits(asked, wanted) else wanted
        plain: dict[str, object] = {"member": seat.member, **bound_in_words(binding)}
        lines = [f"{name.replace('_', ' ')} {value}" for name, value in plain.items()]
        if prepare:
            keep(home, Prepared(binding, home.clock(), ()))
            tell({"did": "prepared", **plain}, [*lines, "run it again with the evidence"], as_json)
            return
        given = pairs(evidence, MAX_EVIDENCE_BYTES, "--evidence")
        beside = pairs(collateral, MAX_COLLATERAL_BYTES, "--collateral")
        now = home.clock()
        try:
            items = _items(binding, policy, given, beside, tsm)
            claims = policy.verify(items, binding.report_data(), now)
        except (CannotCollect, CannotVerify, EvidenceRefused) as error:
            raise Refused(f"{error}; nothing was kept") from error
        keep(home, Prepared(binding, now, items))
        lines += [f"  {line}" for found in claims for line in found.lines()]
        lines.append("kept: the site's process shows it when it works next")
        tell({"did": "kept", **plain, "kinds": [item.kind for item in items]}, lines, as_json)


def bound_in_words(binding: Binding) -> dict[str, str]:
    """What a processor and a graphics card have to be asked with."""
    from proofward.attestation.binding import gpu_nonce

    data = binding.report_data()
    return {"report_data": data.hex(), "gpu_nonce": gpu_nonce(data).hex()}


def _wanted(kit: Path, home: Home, seat: Seat) -> tuple[Policy, Binding]:
    """What the rules ask, and a fresh binding to the ledger as the site has it; raises Refused."""
    from proofward.attestation.binding import NONCE_BYTES, Binding
    from proofward.federation.history.steps.attestation import shown

    rules = home.rules
    if rules is None:
        raise Refused("not everybody has joined yet: evidence names the consortium")
    if rules.attestation is None:
        raise Refused("the rules ask for no evidence of machines")
    history = _followed(home, seat, rules)
    if history.size == 0:
        raise Refused(
            "the site has not followed the ledger yet, which evidence names: start its process first"
        )
    key = history.keys.get(seat.member)
    if key is None:
        raise Refused(f"{seat.member} is not admitted yet")
    if shown(history, seat.member) is not None:
        raise Refused(
            f"{seat.member} has shown evidence for its key: it takes `proofward rotate-key` for other"
        )
    made = Binding(
        rules.digest, seat.member, key, history.size, history.root, secrets.token_bytes(NONCE_BYTES)
    )
    return rules.attestation, replace(made, tls=_certificate(kit))


def _followed(home: Home, seat: Seat, rules: Rules) -> History:
    from proofward.engines.remote.agreement.requests import followed
    from proofward.federation.messages.consortium.rules import AGGREGATOR
    from proofward.report.handover.models.model_source import read_ledger

    if seat.role == AGGREGATOR:
        return read_ledger(home.root / "ledger", live=True)[0]
    return followed(home.member(seat.member), rules)


def _certificate(kit: Path) -> bytes:
    """SHA-256 of the kit's TLS certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    from proofward.engines.registry import engine_of

    text = engine_of(kit).certificates(kit).certificate
    return x509.load_pem_x509_certificate(text).fingerprint(SHA256())


def _items(
    binding: Binding, policy: Policy, given: dict[str, bytes], beside: dict[str, bytes], tsm: Path | None
) -> tuple[Item, ...]:
    """The evidence of a processor, this machine's unless it is given, and of what is given besides."""
    from proofward.attestation.collect import TSM, from_tsm

    found = dict(given)
    if not set(found) & set(PROCESSORS):
        kind, data = from_tsm(binding.report_data(), TSM if tsm is None else tsm)
        found[kind] = data
    for kind in found:
        if kind not in policy.kinds:
            raise Refused(f"the rules accept evidence of {' or '.join(policy.kinds)}, not of {kind}")
        if kind not in beside:
            raise Refused(
                f"no collateral for {kind}: fetch it where there is a network, then --collateral {kind} FILE"
            )
    return tuple(Item(kind, data, beside[kind]) for kind, data in sorted(found.items()))
