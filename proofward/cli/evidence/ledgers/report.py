"""`proofward report`: a run's record as a page to file."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

from proofward.cli.common.console import FLAW, OK, WrongThing, hexadecimal, make_console, print_json
from proofward.cli.evidence.ledgers.audit import require_ledger

SUFFIX = ".report.html"


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              show_default=f"RUN{SUFFIX}, beside RUN", help="HTML file to write.")  # fmt: skip
@click.option("--pdf", "as_pdf", is_flag=True, help="Write a PDF file beside it, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the report's contents as one JSON document.")
@click.option("--consortium", callback=hexadecimal, metavar="DIGEST", help="Digest of the rules to expect.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Processes that verify proofs; the cores are divided among them.")  # fmt: skip
def report(
    run: Path, out: Path | None, as_pdf: bool, as_json: bool, consortium: bytes | None, workers: int
) -> None:
    """Audit the folder RUN and write what it shows as one HTML file, to be read, printed and filed.

    Who, when, which data and rules, every round, who took part, refusals in red, what is proved and what is
    not, and what EU AI Act, GDPR, HIPAA and FDA ask, item by item, from the record or "not recorded". The
    file asks for nothing from elsewhere and has no script. Exit code as `audit`: 1 where the record has a
    flaw or somebody broke the rules; the report is written all the same and says which.
    """
    require_ledger(run)
    from proofward.cli.common.kernels import load_kernels

    load_kernels(make_console(quiet=True))

    from proofward.dossier.filing import file_report
    from proofward.dossier.pdf import PdfUnavailable
    from proofward.dossier.record.evidence import NoReport
    from proofward.engines.operations.verification_pool import PooledProofs

    whole = run.resolve()
    path = out or whole.with_name(f"{whole.name}{SUFFIX}")
    with nullcontext() if workers == 1 else PooledProofs(workers) as proofs:
        try:
            filed = file_report(run, path, consortium, proofs, pdf=as_pdf)
        except (NoReport, PdfUnavailable) as error:
            raise WrongThing(str(error)) from error
    files = [str(entry) for entry in filed.files]
    if as_json:
        print_json({**filed.document, "files": files})
    else:
        console = make_console()
        for line in (*filed.sentences, *files):
            console.print(line, markup=False, soft_wrap=True)
    raise SystemExit(OK if filed.passed else FLAW)
