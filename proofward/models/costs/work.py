"""What there is to do in a proof, in the units that costs are measured for.

Every count follows from the exact tally of the script and the shapes of the network. Which units a phase of
the prover has is the cost model; what a unit costs stands in `unit_costs`.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofward.layers.arithmetic.exact import EXACT
from proofward.layers.basics.record import FIRST, ROW
from proofward.layers.convolutions.conv2d import Conv2d
from proofward.layers.gradient_clipping.record_norms import way_of
from proofward.layers.networks.bounds import compile_bounds
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Training
from proofward.models.costs.tally import TABLES, Tally

Units = dict[str, float]
Work = dict[str, Units]
"""By phase, how many of each unit."""

TRAIN, ENCRYPT, WITNESS, COMMIT, LOOKUPS, SUMCHECKS, OPENING, VERIFY = (
    "train", "encrypt", "witness", "commit", "lookups", "sumchecks", "opening", "verify",
)  # fmt: skip
MEMORY = "memory"


@dataclass(frozen=True)
class Run:
    """A training and its proof; `submits` where an update is encrypted and proved as well."""

    network: Network
    scales: FixedPoint
    training: Training
    rows: int
    tally: Tally
    submits: bool = True

    @property
    def steps(self) -> int:
        """Those that are proved."""
        return self.training.padded_steps(self.rows)

    @property
    def samples(self) -> int:
        return self.steps * self.training.batch


def work_of(run: Run) -> Work:
    """All phases of a hospital's round but its waiting."""
    network, plan = run.network, run.tally.plan
    counts, tables = plan.counts, run.tally.part(TABLES).committed
    messages = plan.pads + 2 * plan.products
    parameters = sum(layer.weights.padded_size + layer.biases.padded_size for layer in network.layers)
    own = parameters if run.submits else 0
    full = run.training.full_batch
    most_entries = max(way_of(layer).entries for layer in network.layers) if full else 0
    hidden = run.samples * sum(layout.padded_size for layout in network.hidden)
    return {
        TRAIN: _training(run),
        ENCRYPT: {"parameter": own, "update": int(run.submits)},
        WITNESS: {"committed value": plan.values, "lookup": run.tally.lookups},
        COMMIT: dict(counts.commit),
        LOOKUPS: {
            "lookup": run.tally.lookups,
            "leaf": run.tally.leaves,
            "node made again": run.tally.leaves - run.tally.nodes,
            "table entry": tables,
            "message": messages,
        },
        SUMCHECKS: {**_sums(run), "submitted parameter": own, "message": messages},
        OPENING: {
            **counts.opening,
            "constraint": plan.constraints,
            "message": messages,
        },
        VERIFY: {
            **counts.verify,
            "weight": sum(layer.weights.padded_size for layer in network.layers),
            "submitted parameter": own,
            "message": messages,
            "table entry": tables,
        },
        MEMORY: {
            "process": 1,
            **counts.memory,
            "node": run.tally.nodes,
            "table entry": tables,
            "committed value": plan.values,
            "hidden value": hidden,
            "parameter": parameters,
            "entry of norms": run.samples * most_entries,
        },
    }


def _training(run: Run) -> Units:
    multiplied = weights = 0.0
    patched = values = 0
    unit = 1 << run.scales.weight_bits
    bounds = compile_bounds(run.network, run.scales, run.training, run.rows, unit)
    growths = run.training.rates(run.rows).growths(run.steps) / run.steps
    for index, (layer, bound) in enumerate(zip(run.network.layers, bounds, strict=True)):
        limbs = limbs_of_product(bound.weights, layer.fan_in * bound.inputs)
        if run.network.joints.reads(index) not in (FIRST, ROW):
            limbs += limbs_of_product(bound.weights, layer.weights.axes[0] * bound.output_gradients)
        multiplied += (growths + limbs) * layer.positions * layer.weights.size
        values += layer.takes.padded_size + layer.gives.padded_size
        weights += (growths + limbs) * layer.weights.size
        patched += layer.positions * layer.fan_in * layer.groups if isinstance(layer, Conv2d) else 0
    return {
        "product": run.samples * multiplied,
        "value": run.samples * values,
        "patch value": run.samples * patched,
        "limb of a weight": run.steps * weights,
        "parameter": run.network.parameters,
        "layer of a step": run.steps * len(run.network.layers),
    }


def limbs_of_product(bound: int, terms: int) -> int:
    """Products in which weights of at most `bound` are multiplied exactly, see `layers.arithmetic.exact`."""
    if terms * bound <= EXACT:
        return 1
    return -(-bound.bit_length() // (EXACT.bit_length() - 1 - (terms - 1).bit_length()))


def _sums(run: Run) -> Units:
    """Of the sumchecks that join layers, by kind of layer."""
    found: Units = {}

    def count(unit: str, amount: float) -> None:
        found[unit] = found.get(unit, 0.0) + amount

    for layer in run.network.layers:
        values = run.samples * (layer.takes.padded_size + layer.gives.padded_size)
        weights = layer.weights.padded_size
        count(f"{layer.kind} value", values)
        count(f"{layer.kind} weight", weights)
        count(f"{layer.kind} weight of a step", run.steps * weights)
        way, clipped = way_of(layer), run.samples * run.training.full_batch
        count("entry of norms", clipped * way.entries)
        count("product of norms", clipped * way.products)
    for own in run.network.activations:
        count(f"{own.kind} value", run.samples * own.takes.padded_size)
    return found
