"""What a unit of work costs: processor nanoseconds, all cores together, and bytes for the memory.

Shipped figures, fitted to proofs of fourteen shapes that were measured phase by phase on one machine (two
cores of an x86-64 server at about 2.5 GHz, AVX2, numpy's OpenBLAS): `benchmarks/cost_constants.py` measures
them anew and prints this table beside fact and prediction of every case. On other machines times differ by
about the speed of a core; counts and bytes of proofs do not come from here and are exact.

Units that cost nothing measurable are left out. A `message` is a hidden value that is sent: what the
interpreter does for it is most of the time of a small proof. A `leaf` is one of a fraction tree, padding
included. A `code symbol` is an entry of a committed tableau behind the Reed-Solomon code, a `coefficient` one
of a row's polynomial in all tableaux that are opened. Values and weights are those of padded layouts, over
all samples; an `update` is encrypted once a round, and a `process` has loaded the kernels.
"""

from __future__ import annotations

from collections.abc import Mapping

Costs = dict[str, dict[str, float]]

COSTS: Costs = {
    "train": {
        "product": 0.121,
        "patch value": 28.1,
        "parameter": 45.1,
        "layer of a step": 119000.0,
    },
    "encrypt": {
        "parameter": 38.7,
        "update": 1.60e7,
    },
    "witness": {
        "committed value": 7.87,
        "lookup": 16.1,
    },
    "commit": {
        "code symbol by depth": 2.09,
        "code symbol": 4.65,
        "column": 597.0,
    },
    "lookups": {
        "leaf": 116.0,
        "table entry": 17.6,
        "message": 23100.0,
    },
    "sumchecks": {
        "linear value": 58.4,
        "linear weight": 11.0,
        "relu value": 216.0,
        "submitted parameter": 124.0,
        "message": 22700.0,
        "conv2d value": 118.0,
        "relu_maxpool2d value": 159.0,
    },
    "opening": {
        "coefficient": 18.3,
        "message": 26500.0,
    },
    "verify": {
        "opened symbol": 21.7,
        "weight": 8.64,
        "submitted parameter": 104.0,
        "column": 632.0,
        "message": 46900.0,
        "table entry": 0.848,
    },
    "memory": {
        "process": 2.17e8,
        "code symbol": 3.11,
        "coefficient": 34.3,
        "lookup": 38.6,
        "hidden value": 30.2,
        "parameter": 24.0,
    },
}


def cost_of(work: Mapping[str, float], costs: Mapping[str, float]) -> float:
    """Of all units of a phase."""
    return sum(amount * costs.get(unit, 0.0) for unit, amount in work.items())
