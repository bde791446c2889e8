"""`proofward attest verify`: evidence in a file, verified by itself."""

from __future__ import annotations

from pathlib import Path

import click

from proofward.attestation.claims import KINDS, MAX_COLLATERAL_BYTES, MAX_EVIDENCE_BYTES, Item
from proofward.cli.common.answering import JSON, Refused, answering, tell
from proofward.cli.common.console import hexadecimal
from proofward.cli.common.evidence_options import FILE, plain, read_bytes, seconds


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("evidence", type=FILE)
@click.option("--collateral", type=FILE, required=True, help="The vendor's certificates and lists.")
@click.option("--at", metavar="TIME", help="Time in UTC, as YYYY-MM-DDTHH:MM:SS.", show_default="now")
@click.option("--root", callback=hexadecimal, metavar="DIGEST",
              help="Fingerprint of another root than the vendor's.")  # fmt: skip
@click.option("--bound-to", metavar="HEX", help="Report data, or a GPU's nonce, that it has to carry.")
@JSON
def verify(
    kind: str, evidence: Path, collateral: Path, at: str | None, root: bytes | None, bound_to: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Verify the file EVIDENCE of a KIND offline and say what it claims; exit code 1 when it does not hold.

    A report of a GPU may be given as its hexadecimal digits, and an AMD report's collateral is the text of
    the chip's certificate, AMD's and AMD's root, in this order. No rules are asked: what may be measured and
    which states are forbidden is the business of a consortium.
    """
    from proofward.attestation.errors import CannotVerify, EvidenceRefused, demand
    from proofward.attestation.kinds import verify_item
    from proofward.attestation.roots import VENDORS

    roots = VENDORS[kind] if root is None else (root,)
    data = plain(read_bytes(evidence, 2 * MAX_EVIDENCE_BYTES))
    item = Item(kind, data, read_bytes(collateral, MAX_COLLATERAL_BYTES))
    with answering(as_json):
        try:
            claims = verify_item(item, seconds(at), roots)
            if bound_to is not None:
                demand(claims.bound.hex() == bound_to.lower(), "evidence-binding", bound_to, claims.bound)
        except (CannotVerify, EvidenceRefused) as error:
            raise Refused(str(error)) from error
        document = {"kind": claims.kind, "bound_to": claims.bound.hex(), "open_to": list(claims.open_to),
                    "measurements": {name: value.hex() for name, value in claims.measurements.items()},
                    "status": claims.status, "advisories": list(claims.advisories),
                    "device": dict(claims.device)}  # fmt: skip
        tell({"did": "verified", **document}, ["verified", *claims.lines()], as_json)
