"""Entry point: `proofward COMMAND`; `guard` ends every command."""

from __future__ import annotations

import resource

import click

from proofward import __version__
from proofward.cli.common.guard import GuardedGroup
from proofward.cli.evidence.anchor.chain import chain
from proofward.cli.evidence.ledgers.attest import attest
from proofward.cli.evidence.ledgers.audit import audit
from proofward.cli.evidence.ledgers.export_audit import export_audit
from proofward.cli.evidence.ledgers.report import report
from proofward.cli.evidence.ledgers.timestamp import timestamp
from proofward.cli.evidence.ledgers.track import track
from proofward.cli.evidence.ledgers.witness import witness
from proofward.cli.evidence.models.evaluate import evaluate
from proofward.cli.evidence.models.model import model
from proofward.cli.evidence.predictions.inspect import inspect
from proofward.cli.evidence.predictions.predict import predict
from proofward.cli.evidence.predictions.proofs import verify
from proofward.cli.kit.admit import admit
from proofward.cli.kit.bundle import bundle
from proofward.cli.kit.check_data import check_data
from proofward.cli.kit.check_images import check_images
from proofward.cli.kit.confirm import confirm
from proofward.cli.kit.console import console
from proofward.cli.kit.count import count
from proofward.cli.kit.data import data
from proofward.cli.kit.doctor import doctor
from proofward.cli.kit.end import end
from proofward.cli.kit.enrol import enrol
from proofward.cli.kit.membership import join, revoke
from proofward.cli.kit.rotate_key import rotate_key
from proofward.cli.kit.start import start, stop
from proofward.cli.kit.status import status
from proofward.cli.project.add_site import add_site
from proofward.cli.project.certificates import certificates
from proofward.cli.project.consortium import consortium
from proofward.cli.project.consortium_schema import consortium_schema
from proofward.cli.project.consortium_status import consortium_status
from proofward.cli.project.preset_copies import presets
from proofward.cli.run.bench import bench
from proofward.cli.run.calibrate import calibrate
from proofward.cli.run.consortium_check import consortium_check
from proofward.cli.run.demo import demo
from proofward.cli.run.simulate import simulate
from proofward.cli.run.statistics import statistics


@click.group(cls=GuardedGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="proofward")
def main() -> None:
    """Verifiable, private federated learning.

    Exit codes: 0 fine, 1 something needs you or a flaw was found, 2 wrong use, 130 stopped by Ctrl-C, 141 the
    reader of the output went away.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold secrets


for command in (demo, simulate, audit, verify, inspect, bench, doctor, start, stop, status, bundle,
                certificates, consortium, join, enrol, check_data, confirm, revoke, admit, end, rotate_key,
                model, predict, export_audit, report, track):  # fmt: skip
    main.add_command(command)
main.add_command(attest)
main.add_command(presets)
main.add_command(check_images)
main.add_command(count)
main.add_command(evaluate)
main.add_command(data)
main.add_command(console)
main.add_command(witness)
main.add_command(chain)
main.add_command(timestamp)
consortium.add_command(add_site)
consortium.add_command(calibrate)
consortium.add_command(consortium_check)
consortium.add_command(consortium_schema)
consortium.add_command(consortium_status)
consortium.add_command(statistics)
