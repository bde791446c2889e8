"""`proofward attest demo`: a federation that requires evidence of machines, made ones; and real samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.console import FLAW, OK, make_console, print_json
from proofward.cli.common.evidence_options import plain, read_bytes

if TYPE_CHECKING:
    from proofward.attestation.claims import Item

SAMPLES = (
    ("tdx", "tdx_quote", ("tdx_quote_collateral.json",), 1_752_000_000),
    ("snp", "snp_report.bin", ("snp_vcek.der", "snp_milan_chain.pem"), 1_752_000_000),
    ("nvidia-gpu", "hopperAttestationReport.txt", ("hopperCertChain.txt",), 1_752_000_000),
)
"""Public samples by their usual names: kind, evidence, collateral, and a time at which that was valid."""


@click.command()
@click.option("--samples", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="FOLDER",
              help="A folder with real evidence, which is verified too.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="RUN",
              help="Keep the run in this new folder.", show_default="a temporary one")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
def demo(samples: Path | None, out: Path | None, as_json: bool) -> None:
    """Show what evidence of machines does and does not do: a small federation whose rules require it.

    Made machines of all kinds are accepted; a replayed quote, a quote of another member, a machine that can
    be debugged and stale collateral are refused by name, and who showed them does not enrol. The round is
    proved and audited as any other. --samples verifies real evidence: tdx_quote with
    tdx_quote_collateral.json, snp_report.bin with snp_vcek.der and snp_milan_chain.pem,
    hopperAttestationReport.txt with hopperCertChain.txt. Exit code 1 when anything comes out otherwise.
    """
    from proofward.cli.common.kernels import load_kernels

    if out is not None and out.exists():
        raise click.UsageError(f"{out} exists; choose a new folder")
    real = [] if samples is None else list(verified_samples(samples))
    load_kernels(make_console(quiet=True))
    from proofward.report.demonstrations.attested_scenario import attested_run

    with _folder(out) as folder:
        outcome = attested_run(folder)
    problems = [*outcome.problems(), *(f"{name}: {words}" for name, words, fine in real if not fine)]
    lines = [*outcome.lines(), *(f"real evidence, {name}: {words}" for name, words, _ in real)]
    if as_json:
        print_json({"refused": outcome.refused, "enrolled": list(outcome.history.enrolled),
                    "samples": {name: words for name, words, _ in real}, "problems": problems})  # fmt: skip
    else:
        console = make_console()
        last = [f"NOT AS IT HAS TO BE: {problem}" for problem in problems] or [
            "everything came out as it has to"
        ]
        for line in (*lines, *last):
            console.print(line, markup=False, soft_wrap=True)
    raise SystemExit(FLAW if problems else OK)


@contextmanager
def _folder(out: Path | None) -> Iterator[Path]:
    if out is not None:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="proofward-attest-") as made:
        yield Path(made) / "run"


def verified_samples(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """(file, what it claims or why it is refused, whether it holds) of the samples in a folder."""
    from proofward.attestation.errors import CannotVerify, EvidenceRefused
    from proofward.attestation.kinds import verify_item
    from proofward.attestation.roots import VENDORS

    found = 0
    for kind, name, beside, time in SAMPLES:
        if not all((folder / own).is_file() for own in (name, *beside)):
            continue
        found += 1
        try:
            claims = verify_item(sample_of(folder, kind, name, beside), time, VENDORS[kind])
            yield name, ", ".join(claims.lines()), True
        except (EvidenceRefused, CannotVerify) as error:
            yield name, str(error), False
    if not found:
        raise click.UsageError(f"{folder}: none of {', '.join(name for _, name, *_ in SAMPLES)} is here")


def sample_of(folder: Path, kind: str, name: str, beside: tuple[str, ...]) -> Item:
    """A sample as an Item; certificates in DER become text."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from proofward.attestation.certificates import certificate
    from proofward.attestation.claims import MAX_COLLATERAL_BYTES, MAX_EVIDENCE_BYTES, Item

    parts = [read_bytes(folder / own, MAX_COLLATERAL_BYTES) for own in beside]
    text = [certificate(data).public_bytes(Encoding.PEM) if own.endswith(".der") else data
            for own, data in zip(beside, parts, strict=True)]  # fmt: skip
    return Item(kind, plain(read_bytes(folder / name, 2 * MAX_EVIDENCE_BYTES)), b"".join(text))
