"""Gas of the anchor's transactions, on a chain in one process: one JSON line for each size of a consortium.

python benchmarks/chain_gas.py [--hospitals 5 50 500 5000] [--table FILE] [--smallest]

Gas is counted by py-evm with the rules of Prague and does not depend on the machine. Every round has
everybody's update. `limit` is what a closed round may take. --table writes the file with which a test
compares. The last line is of the steps of a real proof of the preset wdbc (90 rows). The exit code is 1 where
a limit is passed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

SIZES = (5, 50, 500, 5000)
LIMITS = {5: 160_000, 500: 420_000}
"""The most gas of a closed round, by hospitals."""
COLUMN_LIMIT = 300_000


def main(arguments: list[str] | None = None) -> int:
    """Print the lines."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hospitals", type=int, nargs="+", choices=SIZES, default=SIZES)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--smallest", action="store_true")
    asked = parser.parse_args(arguments)
    if importlib.util.find_spec("eth") is None:
        print(json.dumps({"skipped": "py-evm is not installed: pip install 'proofward[dev]'"}))
        return 0
    from _chain_cases import disputes, kinds_of_seats, table

    found, failed = {}, False
    for hospitals in [5] if asked.smallest else asked.hospitals:
        line = table(hospitals)
        gas = line["gas"]
        assert isinstance(gas, dict)
        limit = LIMITS.get(hospitals)
        failed |= limit is not None and gas["close_round"] > limit
        found[str(hospitals)] = gas
        print(json.dumps({**line, "limit": limit}), flush=True)
    kinds = kinds_of_seats()
    print(json.dumps({"anchor_by_kind_of_seats": kinds}))
    steps = disputes()
    gas = steps["gas"]
    assert isinstance(gas, dict)
    failed |= max(taken for name, taken in gas.items() if name.startswith("dispute_column")) > COLUMN_LIMIT
    print(json.dumps({**steps, "limit_of_a_column": COLUMN_LIMIT}))
    if asked.table:
        whole = {"by hospitals": found, "kinds": kinds, "disputes": gas}
        asked.table.write_text(f"{json.dumps(whole, indent=1)}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
