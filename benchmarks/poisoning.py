"""What a hospital can do with poisoned records that it enrols properly, and what stops or shows it.

One JSON line for each case.

python benchmarks/poisoning.py [--cases tables,hospitals,pictures,detection] [--preset wdbc] [--rounds 15]
                               [--seeds 5] [--smallest]

Proofs show that a hospital trained on the records that it enrolled, not that these are true.

tables: five hospitals of different sizes, divided by the first feature so that no two are alike. The largest
one poisons its own records. It turns all labels, or half of them. It enrols each record four times with its
label turned, or with every value at an end of its range. It marks half of its malignant records with
a trigger, the highest values of concave points, and calls these benign. Each is tried under each weighting of
updates, and with the gradient of each record clipped, without and with noise. Printed: AUC and accuracy on
records of all hospitals that nobody trains on, the share of the malignant ones that the trigger makes benign,
the longest update of the poisoner as a share of the clip bound, and the accuracy at each hospital.
hospitals: that of each hospital alone.
pictures: a patch in a corner.
detection: what comparing the counts of validation tells.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from _machine import describe
from poisoning_cases.detection import of_detection
from poisoning_cases.pictures import of_pictures
from poisoning_cases.rules import ROUNDS
from poisoning_cases.tables import Line, alone, of_tables

from proofward.data.wdbc import load_wdbc
from proofward.models import PRESETS, preset

CASES = ("tables", "hospitals", "pictures", "detection")


def lines(case: str, name: str, rounds: int, seeds: int, few: bool) -> Iterator[Line]:
    """Those of a case."""
    setup = preset(name)
    records = load_wdbc(setup.scales)
    if case == "tables":
        yield from of_tables(setup, records, rounds, seeds, few)
    elif case == "hospitals":
        yield from alone(setup, records, rounds, seeds)
    elif case == "pictures":
        yield from of_pictures(rounds, seeds, few)
    else:
        yield from of_detection(setup, records, rounds, seeds if few else 2 * seeds, few)


def main() -> None:
    """Prints the lines, and the machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    thirty = [name for name, own in PRESETS.items() if own.model.features == 30]
    parser.add_argument("--cases", default=",".join(CASES), help="which, separated by commas; all")
    parser.add_argument("--preset", default="wdbc", choices=thirty)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--smallest", action="store_true", help="one seed, few rounds, few rules")
    options = parser.parse_args()
    wanted = options.cases.split(",")
    if unknown := set(wanted) - set(CASES):
        parser.error(f"--cases: expected some of {', '.join(CASES)}, found {', '.join(sorted(unknown))}")
    if options.smallest:
        options.rounds, options.seeds = 3, 1
    for case in wanted:
        for line in lines(case, options.preset, options.rounds, options.seeds, options.smallest):
            print(json.dumps({"benchmark": "poisoning", "case": case, **line}), flush=True)
    print(json.dumps({"benchmark": "poisoning", "preset": options.preset, **describe()}))


if __name__ == "__main__":
    main()
