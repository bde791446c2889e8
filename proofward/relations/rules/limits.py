"""The largest statements that anybody has to look at, in one place.

A statement claims sizes before its proof is read. These limits keep what such a claim costs to about a
gigabyte beyond its own bytes, which `benchmarks/hostile_claim.py` measures. `RoundConfig` refuses rules under
which a statement could pass one, so a statement whose number of rows the rules admit is within them.
"""

from __future__ import annotations

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import padded
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import Training

MOST_ROWS = 1_000_000
"""Rows of one hospital that rules admit unless they say another number."""

MOST_DATASET_ENTRIES = 1 << 26
"""Padded rows times padded features, or classes of a label where these are more."""

MOST_SAMPLES = 1 << 22
"""Steps of a round, padded, times batch: the schedule has an entry for each."""

MOST_ACTIVATIONS = 1 << 27
"""Steps of a round, padded, times batch, times the padded width of the widest layer or input."""

MOST_PARAMETERS = 1 << 24
"""Parameters of the model; a reader takes objects that are as long as its ciphertext (`ledger.reading`)."""

MOST_PADDED_WEIGHTS = 1 << 25
"""Weights of all layers with their axes padded: who verifies has tables of them."""

MOST_AXIS_ENTRIES = 1 << 22
"""Of the tables of the axes of all convolutions, which bounds are worked out by and who verifies fills."""

MOST_LAID_OUT = 1 << 27
"""Values that a layer lays out in a forward pass of one record, as who verifies a prediction makes one."""

MOST_PRODUCTS = 1 << 34
"""Products of a weight and a value in a forward pass of one record, for the same reason."""

MOST_COMMITTED_VALUES = 1 << 30
"""Values of a round's proof, as `RoundConfig.committed_values` estimates them."""


def check_sizes(model: Network, training: Training, rows: int) -> None:
    """Raises ConfigurationError, naming the size, where a statement about `rows` rows is too large."""
    check_samples(model, training.padded_steps(rows) * training.batch, rows)


def check_samples(model: Network, samples: int, rows: int) -> None:
    """The same for so many samples, padded, of `rows` rows."""
    layouts = (*model.hidden, model.head.takes)
    widest = max(model.record.padded_size, *(layout.padded_size for layout in layouts))
    for size, found, most in (
        ("padded rows * padded features", padded(rows) * model.record.padded_size, MOST_DATASET_ENTRIES),
        ("padded rows * padded classes", padded(rows) * model.head.labels.padded_size, MOST_DATASET_ENTRIES),
        ("padded steps * batch", samples, MOST_SAMPLES),
        ("padded steps * batch * padded width", samples * widest, MOST_ACTIVATIONS),
        ("parameters", model.parameters, MOST_PARAMETERS),
        ("padded weights", sum(own.weights.padded_size for own in model.layers), MOST_PADDED_WEIGHTS),
        ("entries of the axes' tables", sum(own.axis_entries for own in model.layers), MOST_AXIS_ENTRIES),
    ):
        if found > most:
            raise ConfigurationError(size, f"at most {most} with {rows} rows", found)


def check_forward_pass(model: Network) -> None:
    """Raises ConfigurationError where a forward pass of one record is too large for who verifies a proof."""
    for size, found, most in (
        ("values under the kernel of a layer", max(own.laid_out for own in model.layers), MOST_LAID_OUT),
        ("products of a forward pass", sum(own.products for own in model.layers), MOST_PRODUCTS),
    ):
        if found > most:
            raise ConfigurationError(size, f"at most {most}", found)
