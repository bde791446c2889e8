"""`proofward verify`, and what `proofward inspect` says of a proof: a proof of training as a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from proofward.cli.common.console import FLAW, USAGE, WrongThing, make_console, print_json

if TYPE_CHECKING:
    from proofward.report.handover.proof_file import ProofFile

PROOF = click.argument("proof", type=click.Path(exists=True, dir_okay=False, path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
ROUND, PREDICTION, STATEMENT, OTHER = "round", "prediction", "statement", "other"
"""What a proof is about."""


def _refuse(check: str, detail: str, as_json: bool) -> None:
    """Ends with a refusal: of what a proof file holds, or of one of an earlier protocol."""
    if as_json:
        print_json({"valid": False, "check": check, "detail": detail})
    else:
        make_console().print(f"REFUSED by {check}: {detail}", markup=False, soft_wrap=True)
    raise SystemExit(USAGE if check == "version" else FLAW)


def begins_as_proof(path: Path) -> bool:
    """Whether a file begins as one of the proofs does; True where it cannot be read, which is then told."""
    return _beginning(path) in (ROUND, PREDICTION)


def _beginning(path: Path) -> str:
    """Of which kind of proof a file is by its beginning."""
    from proofward.ledger.reading import NotReadable, open_regular
    from proofward.report.handover.predictions.prediction_proof import is_prediction_proof
    from proofward.report.handover.proof_file import HEADER_BYTES, MAX_FILE_BYTES, is_proof_file
    from proofward.report.handover.statement import is_statement

    try:
        with open_regular(path, MAX_FILE_BYTES, follow=True) as file:
            begins = file.read(HEADER_BYTES)
    except NotReadable:
        return ROUND  # `load_proof_file` refuses it, with the reason
    if is_prediction_proof(begins):
        return PREDICTION
    if is_statement(begins):
        return STATEMENT
    return ROUND if is_proof_file(begins) else OTHER


def _undecided(reason: str, as_json: bool) -> None:
    if as_json:
        print_json({"valid": None, "check": "unjudged", "detail": reason})
    else:
        make_console().print(f"NOT JUDGED: {reason}", markup=False, soft_wrap=True)
    raise SystemExit(FLAW)


@click.command()
@PROOF
@JSON
@click.option("--accept-weak", is_flag=True, help="Accept rules of too few bits, which are for tests.")
@click.option("--model", type=FILE, help="The exported model that a prediction or a statement is about.")
@click.option("--ledger", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="RUN_OR_KIT",
              help="Of a statement: the ledger that it has to follow from.")  # fmt: skip
@click.option(
    "--opening", type=FILE, help="Of a proved prediction: check that it is about the records in this file."
)
def verify(
    proof: Path,
    as_json: bool,
    accept_weak: bool,
    model: Path | None,
    ledger: Path | None,
    opening: Path | None,
) -> None:
    """Verify the file PROOF: of one hospital's round, of a prediction, or a statement of a model.

    The proof of a round has statement and ciphertext with it. That of a prediction (`proofward predict
    --prove`) needs the model's file, and says what the model says of hidden records. A statement (`proofward
    model statement`) has to be what the ledger gives, and to be signed by members.

    Exit code 1 when it is refused, 2 when it is not a proof file or was made by an earlier protocol, which
    another release verifies.
    """
    kind = _beginning(proof)
    if kind == OTHER:
        raise WrongThing(f"{proof}: not a proof file")
    if kind == STATEMENT:
        from proofward.cli.evidence.models.model_statement import check_statement

        check_statement(proof, ledger, () if model is None else (model,), as_json)
        return
    if ledger is not None:
        raise click.UsageError(f"--ledger: {proof} is no statement")
    if kind == PREDICTION and accept_weak:
        raise click.UsageError("--accept-weak: a prediction's proof has no rules of its own")
    if kind == ROUND and (model is not None or opening is not None):
        raise click.UsageError(f"--model and --opening: {proof} is the proof of a round")
    from proofward.cli.common.kernels import load_kernels

    load_kernels(make_console(quiet=True))

    from proofward.cli.evidence.predictions.proved_prediction import verified
    from proofward.federation.history.proving.judging import Unable
    from proofward.proof.errors import ProofRejected
    from proofward.report.handover.proof_file import load_proof_file

    try:
        if kind == PREDICTION:
            verified(proof, model, opening, as_json)
            return
        file = load_proof_file(proof)
        started = time.perf_counter()
        found = file.verify(accept_weak)
    except ProofRejected as error:
        _refuse(error.check, error.detail, as_json)
        return
    except Unable as error:
        _undecided(str(error), as_json)
        return
    seconds = time.perf_counter() - started
    result = {
        "valid": True,
        "hospital": file.hospital,
        "round": file.round,
        "consortium": file.consortium.digest.hex(),
        "beacon": file.beacon.hex(),
        "dataset": file.dataset_root.hex(),
        "next_dataset": found.dataset_root.hex(),
        "soundness_bits": found.soundness_bits,
        "grinding_bits": found.soundness.grinding,
        "soundness_bits_with_work": found.soundness.bits_with_work,
        "policy_bits": file.consortium.config.security_bits,
        "seconds": seconds,
    }
    if as_json:
        print_json(result)
        return
    console = make_console()
    bits = f"{found.soundness.words} (the rules demand {result['policy_bits']})"
    trained = file.consortium.config.training.trained_rows(file.rows)
    rows = f"{file.rows} enrolled rows" if trained == file.rows else f"{trained} of {file.rows} enrolled rows"
    console.print(
        f"VALID: {file.hospital} trained in round {file.round} on {rows}, {bits}, {seconds * 1000:.0f} ms",
        markup=False,
        soft_wrap=True,
    )
    for name in ("consortium", "beacon", "dataset", "next_dataset"):
        console.print(f"  {name.replace('_', ' '):13}{result[name]}", markup=False)
    console.print("That these are what the consortium recorded is shown by `proofward audit`.", markup=False)


def tell_proof(proof: Path, as_json: bool) -> None:
    """Describe a proof's file without verifying it; ends the command where it is damaged."""
    from proofward.cli.common.expected_kernels import expect_kernels

    expect_kernels()

    from proofward.cli.evidence.predictions.proved_prediction import described
    from proofward.proof.errors import ProofRejected
    from proofward.relations.proofs.measure import round_plan
    from proofward.report.handover.proof_file import load_proof_file

    try:
        if _beginning(proof) == PREDICTION:
            described(proof, as_json)
            return
        file = load_proof_file(proof)
        description = describe(file, len(file.data))
    except ProofRejected as error:
        _refuse(error.check, error.detail, as_json)
        return
    if as_json:
        print_json(description)
        return
    console = make_console()
    for title, key in (("Public", "public"), ("Sizes, bytes", "bytes"), ("Proof", "proof")):
        table = Table(title=title, show_header=False, title_justify="left", box=None)
        entries = description[key]
        assert isinstance(entries, dict)
        for name, value in entries.items():
            table.add_row(name.replace("_", " "), f"{value:,}" if type(value) is int else str(value))
        console.print(table)
    demanded = file.consortium.config.security_bits
    title = f"Soundness (the rules demand {demanded} bits)"
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("source of error")
    table.add_column("bounded by")
    table.add_column("log2", justify="right")
    plan = round_plan(file.statement)
    for source in plan.soundness.report():
        table.add_row(source.name, source.theorem, f"{source.log2_error:.1f}")
    table.add_row("all (union bound)", "", f"{-plan.soundness_bits:.1f}", style="bold")
    if plan.grinding:
        work = f"{plan.grinding} bits before alpha, beta"
        table.add_row("all, with work", work, f"{-plan.bits_with_work:.1f}", style="bold")
    table.add_row("the rules' policy", "", f"{-file.statement.config.security_bits}")
    console.print(table)
    console.print(f"Hidden: {description['hidden']}.", markup=False)


def describe(file: ProofFile, size: int) -> dict[str, object]:
    """Plain values; raises ProofRejected where the statement is impossible."""
    from proofward.relations.proofs.measure import round_plan

    rules, statement = file.consortium, file.statement
    config, plan = statement.config, round_plan(statement)
    rule = statement.rule
    return {
        "public": {
            "federation": rules.federation,
            "consortium": rules.digest.hex(),
            "hospital": file.hospital,
            "round": file.round,
            "attempt": file.attempt,
            "rows": file.rows,
            **(
                {
                    "trained_rows": config.training.trained_rows(file.rows),
                    "validation_beacon": file.drawn_by.hex(),
                }
                if file.drawn_by
                else {}
            ),
            **({"noise_root": file.noise.hex()} if file.noise else {}),
            "model": config.model.words,
            "parameters": config.model.parameters,
            "steps": config.training.steps_for(file.rows),
            "batch": config.training.batch,
            "local_training": config.training.duration,
            "rate": statement.training.rate,
            **({"momentum": config.training.real_momentum} if config.training.momentum else {}),
            "clip_bound": config.clip_bound,
            "weight": rule.weight,
            "bound_of_update": rule.bound,
            "scales": config.scales.to_dict(),
            "key_shares": f"any {config.threshold + 1} of {config.holders}",
            "beacon": file.beacon.hex(),
            "dataset": file.dataset_root.hex(),
        },
        "bytes": {
            "file": size,
            "initial_weights": len(file.initial_weights),
            "ciphertext": len(file.ciphertext),
            "proof": len(file.proof),
        },
        "proof": {
            "committed_values": plan.values,
            "columns": plan.columns,
            **plan.counts.facts,
            "linear_constraints": plan.constraints,
            "products": plan.products,
            "pads": plan.pads,
        },
        "soundness": {
            "bits": plan.soundness_bits,
            "grinding_bits": plan.grinding,
            "bits_with_work": plan.bits_with_work,
            "policy_bits": config.security_bits,
            "sources": [
                {"name": source.name, "theorem": source.theorem, "log2_error": source.log2_error}
                for source in plan.soundness.report()
            ],
        },
        "hidden": "records, labels, weights after the first step, the update and its norm, whether it was "
        "clipped, losses, the number of correct predictions, the key of the ciphertext",
    }
