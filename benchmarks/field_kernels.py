"""Speed of the field's kernels: nanoseconds per operation, as JSON.

python benchmarks/field_kernels.py [--log-size 20] [--repeats 7] [--smallest]
`core_ns` is processor time of all threads, so it depends little on their number and on other load.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from _machine import ROOT, print_result, progress, seconds

from proofward.field.contract import batched_combine_rows, combine_columns, combine_rows
from proofward.field.extension import Ext, ext_dot, ext_mul, ext_scale
from proofward.field.goldilocks import add, mul
from proofward.field.multilinear import eq_table, evaluate, fold
from proofward.field.ntt import intt, low_degree_extend, ntt
from proofward.field.scalar import P
from proofward.field.sums import SplitWeights, fraction_level, round_message

Array = npt.NDArray[np.uint64]
Case = tuple[str, str, Callable[[], object], int]
"""Name, what one operation is, the work, its number of operations."""

_SEED = 1
_POINT = Ext(0x123456789ABCDEF1, 0xFEDCBA987654321)


def _source() -> Callable[..., Array]:
    generator = np.random.default_rng(_SEED)
    return lambda *shape: generator.integers(0, P, shape, dtype=np.uint64)


def elementwise(log_size: int) -> Iterator[Case]:
    """Products and sums of arrays of 2^log_size elements."""
    draw, n = _source(), 1 << log_size
    a, b, x, y = draw(n), draw(n), draw(2, n), draw(2, n)
    small_x, small_y = draw(2, 1 << 12), draw(2, 1 << 12)
    yield "add", "sum in F", lambda: add(a, b), n
    yield "mul", "product in F", lambda: mul(a, b), n
    yield "ext_mul", "product in E", lambda: ext_mul(x, y), n
    yield "ext_mul_4096", "product in E, arrays in cache", lambda: ext_mul(small_x, small_y), 1 << 12
    yield "ext_scale", "product in E by a constant", lambda: ext_scale(x, _POINT), n
    yield "ext_dot", "term in E", lambda: ext_dot(x, y), n


def tables(log_size: int) -> Iterator[Case]:
    """Multilinear tables and sumcheck rounds over 2^log_size entries."""
    draw, n = _source(), 1 << log_size
    half, low = n // 2, (log_size - 1) // 2
    f, g, u, v, base = draw(2, n), draw(2, n), draw(2, n), draw(2, n), draw(n)
    weights = SplitWeights(draw(2, half >> low), draw(2, 1 << low))
    yield "fold", "entry of the result", lambda: fold(f, _POINT), half
    yield "eq_table", "entry", lambda: eq_table([_POINT] * log_size), n
    yield "evaluate_base", "entry in F", lambda: evaluate(base, [_POINT] * log_size), n
    yield "round_one_product", "half-table entry", lambda: round_message([(f, g)], None, weights), half
    yield (
        "round_two_products",
        "half-table entry",
        lambda: round_message([(f, g), (u, v)], None, weights),
        half,
    )
    yield "round_product_and_linear", "half-table entry", lambda: round_message([(f, g)], u, weights), half
    yield "fraction_level", "entry of the result", lambda: fraction_level(f, g), half


def transforms(log_size: int, log_row: int) -> Iterator[Case]:
    """Transforms of rows of 2^log_row values, 2^log_size values in all."""
    draw = _source()
    rows, short = (
        draw(1 << (log_size - log_row), 1 << log_row),
        draw(1 << (log_size - log_row), 1 << (log_row - 2)),
    )
    butterflies = log_row << (log_size - 1)
    yield f"ntt_{1 << log_row}", "butterfly", lambda: ntt(rows), butterflies
    yield f"intt_{1 << log_row}", "butterfly", lambda: intt(rows), butterflies
    yield f"extend_{1 << log_row}", "butterfly", lambda: low_degree_extend(short, 1 << log_row), butterflies


def combinations(log_size: int) -> Iterator[Case]:
    """E-weights times F-matrices of 2^log_size entries."""
    draw, n = _source(), 1 << log_size
    side = 1 << (log_size // 2)
    matrix, tensor = draw(side, n // side), draw(side // 16, 16, n // side)
    w_rows, w_columns, w_batch = draw(2, side), draw(2, n // side), draw(2, side // 16, 16)
    yield "combine_rows", "entry in F", lambda: combine_rows(w_rows, matrix), n
    yield "combine_columns", "entry in F", lambda: combine_columns(matrix, w_columns), n
    yield "batched_combine_rows", "entry in F", lambda: batched_combine_rows(w_batch, tensor), n


def measure(cases: Iterator[Case], repeats: int) -> dict[str, dict[str, object]]:
    """Least and median nanoseconds per operation, and those summed over all cores.

    The first call, which makes tables, is not counted.
    """
    result: dict[str, dict[str, object]] = {}
    for name, operation, work, count in cases:
        work()
        used = time.process_time()
        times = sorted(seconds(work) * 1e9 / count for _ in range(repeats))
        used = time.process_time() - used
        figures: dict[str, object] = {
            "operation": operation,
            "operations": count,
            "least_ns": round(times[0], 3),
            "median_ns": round(times[repeats // 2], 3),
            "core_ns": round(used * 1e9 / (count * repeats), 3),
        }
        progress({name: figures})
        result[name] = figures
    return result


_READY = """
import time
start = time.perf_counter()
from proofward.field.warm_up import warm_up
warm_up()
print(time.perf_counter() - start)
"""


def ready_seconds(smallest: bool) -> dict[str, float]:
    """Seconds until every kernel can be called, in new processes: first an empty cache, then a full one.

    At the smallest size nothing is compiled anew: the cache is the one that is there.
    """
    if smallest:
        return {"loaded": _ready_in(dict(os.environ))}
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        return {"compiled": _ready_in(environment), "loaded": _ready_in(environment)}


def _ready_in(environment: dict[str, str]) -> float:
    command = [sys.executable, "-c", _READY]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return round(float(run.stdout), 2)


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--log-size", type=int, default=20, help="binary logarithm of the tables' entries")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--smallest", action="store_true", help="2^12 entries, once; nothing is compiled")
    options = parser.parse_args()
    log_size, repeats = (12, 1) if options.smallest else (options.log_size, options.repeats)
    if not 12 <= log_size <= 26 or repeats < 1:
        parser.error("expected --log-size from 12 to 26 and --repeats of at least 1")
    rows = [10] if log_size < 15 else [10, 12, 15]
    figures: dict[str, dict[str, object]] = {}
    for cases in (
        elementwise(log_size),
        tables(log_size),
        *(transforms(log_size, log_row) for log_row in rows),
        combinations(log_size),
    ):
        figures |= measure(cases, repeats)
    print_result(
        "field_kernels",
        entries=1 << log_size,
        repeats=repeats,
        ready_seconds=ready_seconds(options.smallest),
        kernels=figures,
    )


if __name__ == "__main__":
    main()
