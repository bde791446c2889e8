"""Unit costs of `inspect`'s predictions: proofs of many shapes measured by phase, and a fit to them, as JSON.

python benchmarks/cost_constants.py [--repeats 1] [--keep FILE] [--smallest]

Every case runs in a process of its own. Printed are the costs, in processor nanoseconds and bytes, as
`proofward/models/costs/unit_costs.py` has them, and for every case fact and prediction.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from _cost_cases import CASES, SMALLEST, measured
from _machine import print_result, progress

from proofward.models.costs.unit_costs import COSTS, Costs, cost_of


def run_case(name: str) -> dict[str, object]:
    """The figures of a case, measured by another process."""
    command = [sys.executable, __file__, "--case", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def facts(run: dict[str, object]) -> dict[str, float]:
    """Nanoseconds of every phase, and bytes."""
    seconds: dict[str, float] = run["seconds"]  # type: ignore[assignment]
    spent_by_phase = {phase: 1e9 * spent for phase, spent in seconds.items()}
    return {**spent_by_phase, "memory": float(str(run["peak_bytes"]))}


def fitted(runs: dict[str, dict[str, object]]) -> Costs:
    """Costs of a unit, none negative, with the least sum of squared relative errors."""
    import numpy as np
    from scipy.optimize import nnls

    costs: Costs = {}
    for phase in COSTS:
        measured_runs = [run for run in runs.values() if phase in facts(run)]
        rows = [(run["work"][phase], facts(run)[phase]) for run in measured_runs]  # type: ignore[index]
        units = list(dict.fromkeys(unit for work, _ in rows for unit in work))
        matrix = np.array([[work.get(unit, 0.0) / fact for unit in units] for work, fact in rows])
        scale = np.maximum(np.abs(matrix).max(axis=0), 1e-30)
        solution, _ = nnls(matrix / scale, np.ones(len(rows)))
        found = zip(units, solution, scale, strict=True)
        costs[phase] = {unit: float(f"{x / s:.3g}") for unit, x, s in found if x > 0}
    return costs


def beside(run: dict[str, object], costs: Costs) -> dict[str, object]:
    """Fact and prediction of a case: all phases of the prover, the verifier, the memory."""
    work, fact = run["work"], facts(run)
    found = {phase: cost_of(work[phase], costs[phase]) for phase in costs if phase in fact}  # type: ignore[index]
    prover = [phase for phase in found if phase not in ("verify", "memory")]
    pairs = {
        "prove_seconds": (sum(fact[p] for p in prover) / 1e9, sum(found[p] for p in prover) / 1e9),
        "verify_seconds": (fact["verify"] / 1e9, found["verify"] / 1e9),
        "peak_gigabytes": (fact["memory"] / 1e9, found["memory"] / 1e9),
    }
    line: dict[str, object] = {
        name: {"fact": round(a, 3), "prediction": round(b, 3), "ratio": round(b / a, 2)}
        for name, (a, b) in pairs.items()
    }
    phases = {p: [round(fact[p] / 1e9, 3), round(found[p] / 1e9, 3)] for p in found if p != "memory"}
    return {**line, "phases": phases}


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--case", choices=CASES, help="measure one case, in this process")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="measurements, read again if it is there")
    parser.add_argument("--smallest", action="store_true", help="one case, and no fit")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measured(CASES[options.case])))
        return
    runs: dict[str, dict[str, object]] = {}
    if options.keep and options.keep.exists():
        runs = json.loads(options.keep.read_text())
    for name in SMALLEST if options.smallest else CASES:
        if name not in runs:
            runs[name] = run_case(name)
            progress({name: runs[name]["seconds"], "peak_bytes": runs[name]["peak_bytes"]})
            if options.keep:
                options.keep.write_text(json.dumps(runs))
    costs = COSTS if options.smallest else fitted(runs)
    shipped = {name: beside(run, COSTS) for name, run in runs.items()}
    after = {name: beside(run, costs) for name, run in runs.items()}
    print_result("cost_constants", fitted=costs, cases_with_shipped=shipped, cases_with_fitted=after)


if __name__ == "__main__":
    main()
