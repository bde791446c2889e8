"""`python -m proofward`: the same as `proofward`."""

from proofward.cli.main import main

main(prog_name="proofward")
