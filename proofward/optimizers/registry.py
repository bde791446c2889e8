"""All server optimizers, one line each."""

from __future__ import annotations

from collections.abc import Mapping

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.plain import exactly
from proofward.optimizers.contract import ServerOptimizer
from proofward.optimizers.fedadam import FedAdam
from proofward.optimizers.fedavg import FedAvg
from proofward.optimizers.fedavgm import FedAvgM

OPTIMIZERS: dict[str, type[ServerOptimizer]] = {own.name: own for own in (FedAvg, FedAvgM, FedAdam)}

USUAL = FedAvg()
"""That of rules which name none."""


def optimizer_named(name: object) -> type[ServerOptimizer]:
    """Raises ConfigurationError, which lists the names there are."""
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise ConfigurationError("optimizer", f"one of {', '.join(OPTIMIZERS)}", name)
    return OPTIMIZERS[name]


def optimizer_from_dict(values: object) -> ServerOptimizer:
    """Inverse of `ServerOptimizer.to_dict`; raises ConfigurationError on anything else."""
    kind = optimizer_named(values.get("name") if isinstance(values, Mapping) else None)
    numbers = exactly("optimizer", values, ("name", *kind.names()))
    return kind(**{name: numbers[name] for name in kind.names()})
