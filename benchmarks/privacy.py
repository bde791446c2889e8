"""Attacks on patients' privacy, on the integers of the product's trainer: one JSON line for each.

python benchmarks/privacy.py [--attacks M2,G1] [--preset wdbc] [--federations 64] [--rounds 15]
                             [--pictures FOLDER] [--smallest]

M: was this record in the training? G and D: what do sums and updates give away? P: a fact about all records.
T, S, E: what time, proofs and files say. L, N: the mechanism of differential privacy, audited. A, B, C: what
a dishonest party tries in a whole federation with real proofs. Each line says what its adversary sees. The
records are the Wisconsin breast cancer data, divided at random among five hospitals where members and others
must differ in nothing else, and generated pictures.

The same attacks run on rules without privacy, on one exact step, which no rules may have, and on rules with
epsilon 8, 3 and 1 (delta 1e-5, 20 sums of at least 4 hospitals of which 2 collude). `epsilon` is what holds
for the adversary's view, `limit` what follows for the attack; null where nothing is promised. The exit code
is 1 where an attack has certainly passed its limit, or an attempt of a dishonest party succeeded.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _machine import describe, progress
from privacy_attacks.audit import canaries, drawn
from privacy_attacks.conduct import ATTEMPTS, absences, attempts
from privacy_attacks.differencing import differencing, label_share
from privacy_attacks.erasure import erased
from privacy_attacks.federation import follow
from privacy_attacks.gallery import membership_chart, side_by_side
from privacy_attacks.inversion import schedule_inversion, single_step, trap_model, wide_network
from privacy_attacks.mechanism import (
    COLLUDERS,
    MINIMUM,
    RELEASES,
    Mechanism,
    with_epsilon,
    without_noise,
)
from privacy_attacks.membership import list_attacks, shadow_attacks
from privacy_attacks.reconstruction import pictures, rebuild, rows
from privacy_attacks.silence import clip_times, simulations

from proofward.data.reading.records import Records
from proofward.data.splits import held_out_split, hospital_split
from proofward.data.wdbc import load_wdbc
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.rules.model import Training
from proofward.models import PRESETS, preset
from proofward.models.settings import Preset
from proofward.report.comparing.baselines import pooled

Line = dict[str, object]
HOSPITALS, SEED, DIVISIONS = 5, 1, 4
EPSILONS = (8, 3, 1)


@dataclass(frozen=True)
class World:
    """What is attacked.

    records: all. skewed: hospitals as they are in a demonstration, others: records of nobody. divisions:
    hospitals that differ by chance alone, and the others then.
    """

    setup: Preset
    records: Records
    skewed: list[Records]
    others: Records
    divisions: list[tuple[list[Records], Records]]
    rounds: int
    federations: int
    small: bool
    pictures: Path | None

    def one_step(self, setup: Preset | None = None) -> list[Mechanism]:
        """Rules of one step: exactly, which is refused, and with less and less epsilon if noise suffices."""
        parameters = (setup or self.setup).model.parameters
        found = [without_noise(parameters, clips=False)]
        for own in EPSILONS[:1] if self.small else EPSILONS:
            try:
                found.append(with_epsilon(own, parameters))
            except ConfigurationError as error:
                progress(f"{parameters} parameters: {error}")
        return found

    @property
    def all_rules(self) -> list[Mechanism | None]:
        """None for exact rules of several steps, and those of one step."""
        return [None, *self.one_step()]

    def rounds_of(self, private: Mechanism | None) -> int:
        """How many rounds an attack sees; with privacy as many as may be released."""
        return self.rounds if private is None or self.small else RELEASES


def make_world(name: str, rounds: int, federations: int, small: bool, pictures: Path | None) -> World:
    """The records of the preset, divided."""
    setup = preset(name)
    records = load_wdbc(setup.scales)
    training, others = held_out_split(records, SEED)
    divisions = []
    for seed in range(SEED, SEED + (1 if small else DIVISIONS)):
        within, without = held_out_split(records, seed)
        divisions.append((hospital_split(within, HOSPITALS, seed, skew_percent=0), without))
    skewed = hospital_split(training, HOSPITALS, SEED)
    return World(setup, records, skewed, others, divisions, rounds, federations, small, pictures)


def shadows(world: World) -> Iterator[Line]:
    """M1 to M3."""
    for private in world.all_rules:
        yield from shadow_attacks(
            world.setup, world.records, private, federations=world.federations, hospitals=HOSPITALS,
            rounds=world.rounds_of(private), seed=SEED,
        )  # fmt: skip


def lists(world: World) -> Iterator[Line]:
    """M4 and M5, of sums of fewer and fewer hospitals; where a folder is given, with a chart."""
    charted: list[Line] = []
    for private in world.all_rules:
        rounds = world.rounds_of(private)
        worlds = [
            (follow(world.setup, even, rounds, SEED + number, private=private), others)
            for number, (even, others) in enumerate(world.divisions)
        ]
        counts = (1,) if world.small else (5, 3, 2, 1)
        for line in list_attacks(worlds, counts, sorted({1, max(1, world.rounds // 3), rounds})):
            if line["attack"] == "M5" and line["rounds"] == rounds:
                charted.append(line)
            yield line
    if world.pictures:
        membership_chart(world.pictures / "membership.png", charted)


def traps(world: World) -> Iterator[Line]:
    """G1."""
    if world.setup.model.depth != 2:
        return
    for units in (32,) if world.small else (32, 128, 512):
        wide = wide_network(world.setup, units)
        yield trap_model(wide, world.skewed, world.others, world.rounds, SEED)
    for units, rounds in ((128, 2),) if world.small else ((128, RELEASES), (512, RELEASES)):
        wide = wide_network(world.setup, units)
        for private in world.one_step(wide):
            yield trap_model(wide, world.skewed, world.others, rounds, SEED, private)


def steps(world: World) -> Iterator[Line]:
    """G2."""
    everybody, trials = pooled(world.skewed), 2 if world.small else 10
    for batch in (1,) if world.small else (1, 2, 4, 8, 16):
        for rate in (2.0, 64.0) if world.setup.model.depth == 2 else ():
            yield single_step(world.setup, everybody, batch, rate, trials, SEED)
        for private in world.one_step() if world.setup.model.depth == 2 else ():
            yield single_step(world.setup, everybody, batch, 1.5, trials, SEED, private)


def schedules(world: World) -> Iterator[Line]:
    """G3: logistic regression with one step of 64 records a round."""
    setup = preset("logistic")
    one = replace(setup, training=Training(setup.training.rate, 64, 0, 1))
    for rounds in (12,) if world.small else (480, 1300):
        yield schedule_inversion(one, world.skewed, world.others, rounds, SEED)
    for private in world.one_step(setup):
        rounds = 12 if world.small else RELEASES
        yield schedule_inversion(setup, world.skewed, world.others, rounds, SEED, private)


def differences(world: World) -> Iterator[Line]:
    """G4."""
    for private in world.all_rules:
        for rounds in (2,) if world.small else (2, 6, 15):
            yield differencing(world.setup, world.skewed, world.divisions, rounds, SEED, private)


def shares(world: World) -> Iterator[Line]:
    """P1."""
    for private in world.all_rules:
        for count in (5,) if world.small else (5, 3):
            shadows = 4 if world.small else 80
            yield label_share(world.setup, world.skewed[:count], world.others, shadows, SEED, private)


def conduct(world: World) -> Iterator[Line]:
    """A1, and attempts of dishonest parties."""
    for private in (None, with_epsilon(EPSILONS[0], world.setup.model.parameters)):
        yield absences(world.setup, 5 if world.small else 200, SEED, private)
    yield from attempts(ATTEMPTS[1:2] if world.small else ATTEMPTS)


def machinery(world: World) -> Iterator[Line]:
    """T1 and S1."""
    setup, records = preset("logistic"), world.skewed[0]
    yield from clip_times(setup, records, with_epsilon(EPSILONS[0], setup.model.parameters))
    yield from simulations(setup, records)


def files(world: World) -> Iterator[Line]:
    """E1."""
    yield erased(1 if world.small else 3)


def matching(world: World) -> Iterator[Line]:
    """D1; where a folder is given, with pictures."""
    batches, trials = ((1,), 2) if world.small else ((1, 2), 10)
    mixed = world.records.select(np.random.default_rng(SEED).permutation(len(world.records)))
    targets = [rows(world.setup, mixed), pictures((), 60, SEED), pictures((32,), 60, SEED)]
    for target in targets[:2] if world.small else targets:
        for batch in batches:
            shown = []
            for private in world.one_step(target.setup):
                line, pairs = rebuild(target, private, batch, trials, SEED)
                shown.append((private.name, pairs))
                yield line
            if world.pictures and target.side:
                name = f"matching-{target.kind}-{batch}.png"
                side_by_side(world.pictures / name, f"One step on {batch}: {target.name}", shown, target.side)


def audits(world: World) -> Iterator[Line]:
    """L1 and N1, of logistic regression."""
    setup = preset("logistic")
    for epsilon in EPSILONS[:1] if world.small else EPSILONS:
        private = with_epsilon(epsilon, setup.model.parameters)
        yield drawn(private, 10**5 if world.small else 10**6, 100, SEED)
        runs = 6 if world.small else 1000
        yield from canaries(setup, world.skewed[0], private, MINIMUM - COLLUDERS, runs, SEED)


FAMILIES: dict[str, tuple[str, Callable[[World], Iterator[Line]]]] = {
    "M1 M2 M3": ("the final model, or several", shadows),
    "M4 M5": ("sums and a list of candidates", lists),
    "G1": ("a first model of one's choice", traps),
    "G2": ("one update of one step", steps),
    "G3": ("the schedule of a long run", schedules),
    "G4": ("two rounds' sums", differences),
    "P1": ("the first sum", shares),
    "D1": ("one update of one step", matching),
    "T1 S1": ("how long clipping takes; a whole proof", machinery),
    "E1": ("all files of members", files),
    "L1 N1": ("the mechanism, from within", audits),
    "A1 G1 G5 C1 B1": ("what dishonest parties try", conduct),
}


def failed(line: Line) -> bool:
    """Whether an attempt succeeded, or an attack found more than its limit allows."""
    return line.get("refused") is False or bool(line.get("absences")) or bool(line.get("exceeded"))


def main() -> None:
    """Prints a JSON line for each attack, then the machine; exit code 1 where one succeeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = sorted({name for family in FAMILIES for name in family.split()})
    parser.add_argument("--attacks", default=",".join(names), help="which, separated by commas; all")
    of_tables = [name for name, own in PRESETS.items() if own.model.features == 30]
    parser.add_argument("--preset", default="wdbc", choices=of_tables)
    parser.add_argument("--federations", type=int, default=64, help="shadow federations of M1 to M3")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument(
        "--pictures", type=Path, help="a folder for what D1 makes of pictures; needs matplotlib"
    )
    parser.add_argument("--smallest", action="store_true", help="few federations, two rounds")
    options = parser.parse_args()
    wanted = set(options.attacks.split(","))
    if unknown := wanted - set(names):
        parser.error(f"--attacks: expected some of {', '.join(names)}, found {', '.join(sorted(unknown))}")
    if options.smallest:
        options.federations, options.rounds = 4, 2
    world = make_world(
        options.preset, options.rounds, options.federations, options.smallest, options.pictures
    )
    broken = 0
    for family, (_, run) in FAMILIES.items():
        if not wanted & set(family.split()):
            continue
        started = time.perf_counter()
        for line in run(world):
            if line["attack"] not in wanted:
                continue
            broken += failed(line)
            seconds = round(time.perf_counter() - started, 1)
            print(json.dumps({"benchmark": "privacy", **line, "seconds": seconds}), flush=True)
    print(json.dumps({"benchmark": "privacy", "preset": options.preset, "succeeded": broken, **describe()}))
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
