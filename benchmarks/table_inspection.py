"""A large table of mixed columns inspected, in each format: processor time and peak memory, as JSON.

    python benchmarks/table_inspection.py [--rows 20000] [--columns 200] [--smallest]

Two of five columns hold numbers, one whole numbers, one texts, one numbers with empty cells. Each format is
inspected by a process of its own. Exit code 1 when one takes 10 s or more of processor time, or 1 GB; the
smallest size has 200 rows of 20 columns. Writing the Excel file takes a minute or so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _machine import print_result, progress

MOST_SECONDS, MOST_BYTES = 10.0, 10**9
INSPECT = """
import json, resource, sys, time
import proofward
found = proofward.inspect_table(sys.argv[1])
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps({"seconds": round(time.process_time(), 2), "peak_bytes": 1024 * peak,
                  "rows": found.rows, "columns": len(found.columns), "findings": len(found.findings)}))
"""


def columns(rows: int, count: int, seed: int = 1) -> dict[str, list[object]]:
    """The table's columns by name."""
    rng, found = np.random.default_rng(seed), dict[str, list[object]]()
    for at in range(count):
        kind = at % 5
        if kind == 2:
            found[f"count {at}"] = rng.integers(0, 100, rows).tolist()
        elif kind == 3:
            found[f"level {at}"] = rng.choice(["HE", "IHC", "none"], rows).tolist()
        else:
            values: list[object] = rng.normal(50, 10, rows).tolist()
            if kind == 4:
                values = [None if lot < 0.1 else v for lot, v in zip(rng.random(rows), values, strict=True)]
            found[f"measure {at}"] = values
    return found


def write_all(folder: Path, table: dict[str, list[object]]) -> list[Path]:
    """The table as Parquet, Excel and CSV."""
    import pyarrow
    from openpyxl import Workbook
    from pyarrow import csv, parquet

    arrow = pyarrow.table(table)
    parquet.write_table(arrow, folder / "table.parquet")
    csv.write_csv(arrow, folder / "table.csv")
    book = Workbook(write_only=True)
    sheet = book.create_sheet("records")
    sheet.append(list(table))
    for row in zip(*table.values(), strict=True):
        sheet.append(row)
    book.save(folder / "table.xlsx")
    return [folder / f"table.{kind}" for kind in ("parquet", "xlsx", "csv")]


def inspected(path: Path) -> dict[str, int]:
    """What a process of its own says of a file."""
    command = [sys.executable, "-c", INSPECT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said: dict[str, int] = json.loads(done.stdout)
    return {**said, "file_bytes": path.stat().st_size}


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--smallest", action="store_true")
    arguments = parser.parse_args()
    rows, count = (200, 20) if arguments.smallest else (arguments.rows, arguments.columns)
    with tempfile.TemporaryDirectory() as folder:
        progress(f"writing {rows} rows of {count} columns")
        paths = write_all(Path(folder), columns(rows, count))
        found = {path.suffix[1:]: inspected(path) for path in paths}
    good = [own["seconds"] < MOST_SECONDS and own["peak_bytes"] < MOST_BYTES for own in found.values()]
    slow = [kind for kind, within in zip(found, good, strict=True) if not within]
    print_result("table_inspection", rows=rows, columns=count, formats=found, beyond_the_bar=slow)
    raise SystemExit(1 if slow else 0)


if __name__ == "__main__":
    main()
