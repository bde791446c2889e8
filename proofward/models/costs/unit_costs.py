"""What a unit of work costs: processor nanoseconds, all cores together, and bytes for the memory.

Shipped figures, fitted to proofs of sixteen shapes that were measured phase by phase on one machine (two
cores of an x86-64 server at about 2.5 GHz, AVX2, numpy's OpenBLAS): `benchmarks/cost_constants.py` measures
them anew and prints this table beside fact and prediction of every case. On other machines times differ by
about the speed of a core; counts and bytes of proofs do not come from here and are exact.

Units that cost nothing measurable are left out. A `message` is a hidden value that is sent: what the
interpreter does for it is most of the time of a small proof. A `leaf` is one of a fraction tree, padding
included. A `code symbol` is an entry of a committed tableau behind the Reed-Solomon code, a `coefficient` one
of a row's polynomial in all tableaux that are opened, and a `polynomials' symbol` an entry of the matrices
that an opening commits to. A `byte of a tableau` is one of polynomials and code words that a prover keeps, a
`node` one of the levels of fraction trees that it keeps; both have a bound, see `commitment/ligero/tableau`
and `proof/leaf_values`. Values and weights are those of padded layouts, over all samples; an `update` is
encrypted once a round, and a `process` has loaded the kernels.
"""

from __future__ import annotations

from collections.abc import Mapping

Costs = dict[str, dict[str, float]]

COSTS: Costs = {
    "train": {
        "product": 0.0982,
        "value": 5.33,
        "patch value": 26.8,
        "parameter": 45.0,
        "layer of a step": 115000.0,
    },
    "encrypt": {
        "parameter": 38.7,
        "update": 1.60e7,
    },
    "witness": {
        "committed value": 7.85,
        "lookup": 16.2,
    },
    "commit": {
        "code symbol by depth": 0.954,
        "code symbol": 20.9,
        "column": 419.0,
    },
    "lookups": {
        "leaf": 115.0,
        "table entry": 18.1,
        "message": 23100.0,
    },
    "sumchecks": {
        "linear value": 49.0,
        "linear weight": 11.4,
        "relu value": 245.0,
        "submitted parameter": 124.0,
        "message": 23300.0,
        "conv2d value": 81.7,
        "conv2d weight of a step": 15.6,
        "relu_maxpool2d value": 205.0,
    },
    "opening": {
        "coefficient": 18.0,
        "polynomials' symbol": 45.0,
        "message": 27200.0,
    },
    "verify": {
        "weight": 9.89,
        "submitted parameter": 103.0,
        "column": 824.0,
        "message": 45500.0,
        "table entry": 2.99,
    },
    "memory": {
        "process": 1.98e8,
        "byte of a tableau": 1.41,
        "node": 28.1,
        "committed value": 4.31,
        "table entry": 41.3,
        "parameter": 12.4,
    },
}


def cost_of(work: Mapping[str, float], costs: Mapping[str, float]) -> float:
    """Of all units of a phase."""
    return sum(amount * costs.get(unit, 0.0) for unit, amount in work.items())
