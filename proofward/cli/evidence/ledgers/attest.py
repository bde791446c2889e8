"""`proofward attest`: evidence of the machines that members run on, beside the proofs."""

from __future__ import annotations

import click

from proofward.cli.common.guard import GuardedGroup
from proofward.cli.evidence.ledgers.attest_show import show
from proofward.cli.evidence.ledgers.attest_verify import verify
from proofward.cli.kit.attest_collect import collect
from proofward.cli.run.attest_demo import demo


@click.group(cls=GuardedGroup)
def attest() -> None:
    """Collect, verify and show evidence of members' machines; it adds to proofs and stands for none."""


for command in (collect, verify, show, demo):
    attest.add_command(command)
