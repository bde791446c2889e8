"""The standard round of this checkout and of another one in turns, and their ratios, as JSON.

python benchmarks/side_by_side.py [OTHER] [--runs 4] [--smallest]

OTHER is a checkout of another version, for example made by `git worktree add OTHER e744396`, which is the
last commit of protocol 1; without it the checkout is compared with itself. Both run benchmarks/round_proof.py
in processes of their own, one after the other, so that other work on the machine falls on both. The ratios
are of the smallest of the medians that each printed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from _machine import ROOT, print_result, progress

SCRIPT = Path("benchmarks") / "round_proof.py"


def measure(checkout: Path, arguments: list[str]) -> dict[str, float]:
    """One run of the round's benchmark there: seconds and bytes."""
    ended = subprocess.run(
        [sys.executable, checkout / SCRIPT, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    found = json.loads(ended.stdout)
    return {
        "prove_seconds": found["seconds"]["prove"],
        "verify_seconds": found["verify_seconds"],
        "proof_bytes": found["proof_bytes"],
        "soundness_bits": found["soundness_bits"]["total"],
    }


def smallest(runs: list[dict[str, float]]) -> dict[str, float]:
    """Of every figure the smallest."""
    return {name: min(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("other", type=Path, nargs="?", default=ROOT, help="another checkout")
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--smallest", action="store_true", help="preset tiny, one round, one run")
    options = parser.parse_args()
    if not (options.other / SCRIPT).is_file() or options.runs < 1:
        parser.error("expected a checkout with benchmarks/round_proof.py and --runs of at least 1")
    runs, arguments = (1, ["--smallest"]) if options.smallest else (options.runs, [])
    here: list[dict[str, float]] = []
    there: list[dict[str, float]] = []
    for _ in range(runs):
        for checkout, found in ((options.other.resolve(), there), (ROOT, here)):
            found.append(measure(checkout, arguments))
            progress({str(checkout.name): found[-1]})
    new, old = smallest(here), smallest(there)
    ratios = {name: round(new[name] / old[name], 3) for name in new}
    print_result("side_by_side", runs=runs, other=old, this=new, ratios=ratios)


if __name__ == "__main__":
    main()
