"""`proofward demo`: a whole federation on one machine, honest or with one dishonest member."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from proofward.cli.common.console import FLAW, OK, make_console, print_json
from proofward.cli.common.usual import PRESET, ROUNDS
from proofward.cli.project.listed_presets import WithPresets
from proofward.engines.registry import ENGINES
from proofward.federation.messages.consortium.usual import LEAST_HOSPITALS
from proofward.report.demonstrations.demonstration import MAX_HOSPITALS, MAX_ROUNDS, VERIFIERS

if TYPE_CHECKING:
    from proofward.engines.attacks.catalogue import Attack

ATTACK_ROUNDS, IMAGE_ROUNDS = 2, 4
ON_A_CHAIN = (
    "all members together make a second history and seal it, which the contract refuses",
    "a verifier signs a verdict with a false claim about a proof, which costs its seat",
)
HOSPITALS = 5
IN_PROCESS = "in-process"
LEAST_BESIDE_A_CULPRIT = LEAST_HOSPITALS + 1
"""Hospitals, of which enough for a sum go on without the culprit."""


def run_folder(chosen: Path | None) -> Path:
    """The folder to write: the one chosen, or a new one named after the time."""
    from proofward.engines.run_folder import private_of

    if chosen is not None:
        return chosen
    stamp = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    names = (Path("runs") / (stamp if count == 0 else f"{stamp}-{count}") for count in range(1000))
    return next(path for path in names if not path.exists() and not private_of(path).exists())


def list_attacks(as_json: bool) -> None:
    """A line each, the name and what the attack does; with --json the same as a document."""
    from proofward.cli.common.expected_kernels import expect_kernels

    expect_kernels()

    from proofward.engines.attacks.catalogue import ATTACKS

    if as_json:
        print_json({name: attack.what for name, attack in ATTACKS.items()})
        return
    width = max(map(len, ATTACKS))
    for name, attack in ATTACKS.items():
        click.echo(f"{name:{width}}  {attack.what}")
    click.echo(f"`proofward demo --chain` shows two more: {'; '.join(ON_A_CHAIN)}.", err=True)


def check_folder(folder: Path, attack: str | None) -> bool:
    """Whether the folder holds a run to go on with; UsageError when nothing can be written there."""
    from proofward.engines.run_folder import private_of
    from proofward.ledger.seal import SEAL_NAME
    from proofward.report.audits.run_audit import LEDGER_NAME

    private = private_of(folder)
    if folder.exists() and not folder.is_dir():
        raise click.UsageError(f"{folder} is no folder")
    if not folder.exists() or not any(folder.iterdir()):
        if private.exists():
            raise click.UsageError(f"{private} holds states of an earlier run; choose another folder")
        return False
    if not (folder / LEDGER_NAME).is_dir():
        raise click.UsageError(f"{folder} is neither empty nor a run")
    if (folder / LEDGER_NAME / SEAL_NAME).exists():
        raise click.UsageError(f"{folder} holds a finished run; choose another folder")
    if not private.is_dir():
        words = f"{folder} holds a run that has begun, and the parties' states, {private}, are not there"
        earlier = f"; move {folder}/parties there" if (folder / "parties").is_dir() else ""
        raise click.UsageError(f"{words}{earlier or ': put them back, or choose another folder'}")
    if attack is not None:
        raise click.UsageError(f"{folder} holds a run; an attack needs a new folder")
    return True


@click.command(cls=WithPresets)
@click.option(
    "--rounds", type=click.IntRange(1, MAX_ROUNDS),
    show_default=f"{ROUNDS}; {IMAGE_ROUNDS} with --images; {ATTACK_ROUNDS} with --chain, most attacks",
    help="Rounds of training.",
)  # fmt: skip
@click.option("--hospitals", type=click.IntRange(LEAST_HOSPITALS, MAX_HOSPITALS),
              show_default=f"{HOSPITALS}; {LEAST_HOSPITALS} with --images",
              help="An attack needs one more than a sum does, the culprit.")  # fmt: skip
@click.option(
    "--verifiers",
    type=click.IntRange(1, MAX_HOSPITALS),
    help="Who checks every proof.",
    show_default=f"{VERIFIERS}; with --engine one more than hospitals",
)
@click.option("--run", "chosen", type=click.Path(path_type=Path), metavar="DIR",
              show_default="a new dated one",
              help="Folder to write, or an interrupted run to go on with.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True,
              help="Of the records' division; keys, the first model and proofs are random.")  # fmt: skip
@click.option("--preset", "preset_name", metavar="NAME",
              show_default=f"{PRESET}; a small convolutional network with --images",
              help="Model and data: a name listed below; with --images one of pictures.")  # fmt: skip
@click.option("--images", is_flag=True,
              help="Train on pictures: generated patches like those of mammograms.")  # fmt: skip
@click.option("--data", type=click.Path(exists=True, path_type=Path), metavar="PATH",
              help="With --images: a folder, an npz or a file of PatchCamelyon with real ones, whose first "
              "class is told from all others.")  # fmt: skip
@click.option("--chain", "anchored", is_flag=True,
              help="Anchor the ledger on a local chain, audit against it, and attack it.")  # fmt: skip
@click.option("--attack", metavar="NAME",
              help="Let one member cheat; `list` lists how. --chain shows two attacks more.")  # fmt: skip
@click.option("--engine", type=click.Choice([IN_PROCESS, *ENGINES]), default=IN_PROCESS, show_default=True,
              help="With an engine, every site is a process of its own on this machine.")  # fmt: skip
@click.option("--repeatable", is_flag=True,
              help="UNSAFE, to compare engines: the seed gives all that is random, keys too.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), show_default="the cores and one, as memory allows",
              help="Members that work at a time; they share the cores.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; progress goes elsewhere.")
@click.option("--no-plot", is_flag=True, help="Write no pictures.")
@click.option("--charts", is_flag=True,
              help="Also draw charts of AUC, of what proofs add to a round and of verifiers; members then "
              "work one after another.")  # fmt: skip
def demo(
    rounds: int | None,
    hospitals: int | None,
    verifiers: int | None,
    chosen: Path | None,
    seed: int,
    preset_name: str | None,
    images: bool,
    data: Path | None,
    anchored: bool,
    attack: str | None,
    engine: str,
    repeatable: bool,
    workers: int | None,
    as_json: bool,
    no_plot: bool,
    charts: bool,
) -> None:
    """Run a federation of hospitals on this machine: every update proved, encrypted, summed, recorded.

    Exit code 1 when the federation does not finish, or when an attack is not refused by the check that
    should.
    """
    if attack == "list":
        list_attacks(as_json)
        return
    from proofward.cli.common.kernels import load_kernels

    console = make_console(as_json)
    load_kernels(console)

    from proofward.engines.attacks.catalogue import ATTACKS

    if attack is not None and attack not in ATTACKS:
        raise click.BadParameter(f"expected list or one of {', '.join(ATTACKS)}", param_hint="--attack")
    if engine != IN_PROCESS and attack is not None:
        raise click.UsageError(f"attacks run in one process: leave out --engine {engine}")
    if charts and (attack is not None or engine != IN_PROCESS or no_plot or (workers or 1) > 1):
        without = f"--attack, --engine {engine}" if engine != IN_PROCESS else "--attack"
        raise click.UsageError(f"--charts goes without {without}, --no-plot and --workers above 1")
    if anchored and (attack is not None or engine != IN_PROCESS or charts or images):
        raise click.UsageError("--chain goes without --attack, --engine, --charts and --images")
    if data is not None and not images:
        raise click.UsageError("expected --images with --data")
    usual = IMAGE_ROUNDS if images else ATTACK_ROUNDS if anchored else ROUNDS
    number = rounds or (usual if attack is None else 1 if ATTACKS[attack].unseen else ATTACK_ROUNDS)
    count = hospitals or (LEAST_HOSPITALS + (attack is not None) if images else HOSPITALS)
    if attack is not None:
        _check_attack(ATTACKS[attack], count, number)
    folder = run_folder(chosen)
    resumed = check_folder(folder, attack)
    if charts and resumed:
        raise click.UsageError(f"{folder} holds a run that has begun; --charts measures a whole one")

    from proofward.cli.common.engine import installed
    from proofward.cli.run.demos.run import DemoRun
    from proofward.cli.run.demos.sites import SitesDemoRun
    from proofward.data.images.contract.refusal import ImagesExtraMissing, ImagesRefused
    from proofward.data.wdbc import DataUnavailable
    from proofward.layers.basics.errors import TrainingError
    from proofward.report.demonstrations.image_scenario import make_image_scenario
    from proofward.report.demonstrations.scenario import make_scenario

    try:
        judges = verifiers or (VERIFIERS if engine == IN_PROCESS else count + 1)
        if images:
            scenario = make_image_scenario(data, count, number, seed, judges, preset_name or "")
        else:
            scenario = make_scenario(preset_name or PRESET, count, number, seed, judges)
    except (TrainingError, DataUnavailable, ImagesRefused, ImagesExtraMissing) as error:
        raise click.UsageError(str(error)) from error
    for doubt in scenario.doubts:
        console.print(f"doubtful, used all the same: {doubt}", markup=False, soft_wrap=True)
    if anchored:
        from proofward.cli.run.demos.chain import ChainDemo, ChainMissing, anchored_scenario

        scenario = anchored_scenario(scenario)
    kind = DemoRun if engine == IN_PROCESS else partial(SitesDemoRun, engine=installed(ENGINES[engine]))
    members_at_once = 1 if charts else workers
    run = kind(console, folder, scenario, seed, members_at_once, plot=not no_plot, repeatable=repeatable)
    if resumed:
        console.print(f"going on with {folder}", markup=False)
    outcome: Mapping[str, object]
    if attack is None:
        passed, outcome = run.honest(charts)
        if anchored and passed:
            try:
                passed, told = ChainDemo(console, folder, scenario).show()
            except ChainMissing as error:
                raise click.UsageError(str(error)) from error
            outcome = {**outcome, "chain": told}
    else:
        passed, outcome = run.attacked(ATTACKS[attack])
    if as_json:
        print_json({"run": str(folder), **outcome})
    raise SystemExit(OK if passed else FLAW)


def _check_attack(attack: Attack, hospitals: int, rounds: int) -> None:
    if attack.hospitals and hospitals != attack.hospitals:
        raise click.UsageError(f"this attack needs --hospitals {attack.hospitals}")
    if hospitals < LEAST_BESIDE_A_CULPRIT:
        expected = f"--hospitals {LEAST_BESIDE_A_CULPRIT} or more, for the others to go on"
        raise click.UsageError(f"an attack needs {expected}")
    if rounds < attack.rounds:
        raise click.UsageError(f"this attack needs --rounds {attack.rounds} or more")
    if attack.unseen and rounds > 1:
        raise click.UsageError("this attack needs --rounds 1: whom it hits is missing later")
