"""What a unit of work costs: processor nanoseconds, all cores together, and bytes for the memory.

Shipped figures, fitted to proofs of sixteen shapes that were measured phase by phase on one machine (two
cores of an x86-64 server at about 2.5 GHz, AVX-512, numpy's OpenBLAS): `benchmarks/cost_constants.py`
measures them anew and prints this table beside fact and prediction of every case. On other machines times
differ by about the speed of a core; counts and bytes of proofs do not come from here and are exact. Nothing
that is proved depends on these figures: how a proof is arranged and committed to is chosen by counts
(`layers.networks.arrangement`, `commitment/ligero/choice`), and only predictions and `calibrate` read them.

Units that cost nothing measurable are left out. A `message` is a hidden value that is sent: what the
interpreter does for it is most of the time of a small proof. A `leaf` is one of a fraction tree, padding
included, and a `node made again` one of the levels that a prover does not keep. A `code symbol` is an entry
of a committed tableau behind the Reed-Solomon code, a `coefficient` one of a row's polynomial in all tableaux
that are opened, `made again` where a tableau is too large to keep them, and a `polynomials' symbol` an entry
of the matrices that an opening commits to. A `byte of a tableau` is one of polynomials and code words that a
prover keeps, a `node` one of the levels of fraction trees that it keeps; both have a bound, see
`commitment/ligero/tableau` and `proof/leaf_values`. Values and weights are those of padded layouts, over all
samples; entries and products of norms are those of `layers/gradient_clipping/record_norms`, the largest
layer's for the memory, measured by themselves; an `update` is encrypted once a round, and a `process` has
loaded the kernels. The two costs of what is made again come from rounds of one and of eight steps of
`cancercnn`.
"""

from __future__ import annotations

from collections.abc import Mapping

Costs = dict[str, dict[str, float]]

COSTS: Costs = {
    "train": {
        "product": 0.0119,
        "value": 19.4,
        "patch value": 33.6,
        "limb of a weight": 3.72,
        "parameter": 35.9,
        "layer of a step": 174000.0,
    },
    "encrypt": {
        "parameter": 31.9,
        "update": 2.86e7,
    },
    "witness": {
        "committed value": 14.2,
        "lookup": 9.29,
    },
    "commit": {
        "code symbol": 19.1,
        "column": 1290.0,
    },
    "lookups": {
        "leaf": 83.6,
        "table entry": 38.0,
        "message": 18800.0,
        "node made again": 77.0,
    },
    "sumchecks": {
        "linear value": 30.1,
        "linear weight": 3.37,
        "relu value": 179.0,
        "submitted parameter": 122.0,
        "message": 41800.0,
        "conv2d value": 63.6,
        "conv2d weight of a step": 9.18,
        "relu_maxpool2d value": 204.0,
        "entry of norms": 25.0,
        "product of norms": 1.3,
    },
    "opening": {
        "coefficient": 15.9,
        "coefficient made again": 27.0,
        "polynomials' symbol": 80.1,
        "constraint": 154000.0,
    },
    "verify": {
        "weight": 3.65,
        "submitted parameter": 95.2,
        "message": 31800.0,
    },
    "memory": {
        "process": 1.95e8,
        "byte of a tableau": 2.0,
        "node": 19.5,
        "table entry": 67.6,
        "committed value": 6.12,
        "parameter": 12.0,
        "entry of norms": 40.0,
    },
}


def cost_of(work: Mapping[str, float], costs: Mapping[str, float]) -> float:
    """Of all units of a phase."""
    return sum(amount * costs.get(unit, 0.0) for unit, amount in work.items())
