"""`proofward inspect`: what a proof file says, or what the rounds of a consortium or a network will cost."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from proofward.cli.common.answering import answering
from proofward.cli.common.console import FLAW, OK, make_console, print_json
from proofward.cli.evidence.predictions.proofs import JSON, begins_as_proof, tell_proof
from proofward.cli.project.inspected import ROWS_OPTION, TRAINING_OPTION


@click.command()
@click.argument("given", metavar="FILE|PRESET")
@ROWS_OPTION
@TRAINING_OPTION
@JSON
@click.pass_context
def inspect(context: click.Context, given: str, rows: int, training: str, as_json: bool) -> None:
    """Describe a proof's file, or say what rounds of a consortium, a preset or a network will cost.

    Of a proof: sizes, soundness by source, what is public; it is not verified. Of a consortium.toml, a preset
    (by name, or a file like theirs) and a network of PyTorch or ONNX: whether its rounds can be proved, and
    for one round of one hospital committed values and lookups of every layer, soundness, proof and ciphertext
    in bytes, headroom of the bounds, padding, and the processor time and memory to expect. Counts are exact;
    time is that of one machine on which proofs were measured.

    Exit code 1 when a proof is damaged or rounds cannot be proved, 2 when it is none of these.
    """
    path = Path(given)
    if path.exists() and not path.is_dir() and begins_as_proof(path):
        tell_proof(path, as_json)
        return
    from proofward.cli.common.expected_kernels import expect_kernels
    from proofward.cli.project.inspected import costs_of
    from proofward.cli.project.words.costs import cost_lines, plain_costs

    expect_kernels()
    exactly = context.get_parameter_source("rows") == ParameterSource.COMMANDLINE
    with answering(as_json):
        found = costs_of(given, training, rows, exactly)
    if as_json:
        print_json(plain_costs(found))
    else:
        console = make_console()
        for line in cost_lines(found):
            console.print(line, markup=False, soft_wrap=True)
    raise SystemExit(OK if found.refusal is None else FLAW)
