"""Ready-made configurations, by name."""

from __future__ import annotations

from dataclasses import dataclass

from proofward.layers.errors import ConfigurationError
from proofward.layers.model import FixedPoint, Mlp, Training


@dataclass(frozen=True)
class Preset:
    """A network, its scales, its local training, and the L2 bound of an update at scale 2^10 (clip_bound)."""

    name: str
    summary: str
    model: Mlp
    scales: FixedPoint
    training: Training
    clip_bound: int


PRESETS: dict[str, Preset] = {
    entry.name: entry
    for entry in (
        Preset(
            "wdbc",
            "breast cancer, 30 features: MLP 30-32-2",
            Mlp((30, 32, 2)),
            FixedPoint(),
            Training(rate=2, batch=16, steps=28),
            clip_bound=2 << 10,
        ),
        Preset(
            "logistic",
            "breast cancer, 30 features: logistic regression 30-2",
            Mlp((30, 2)),
            FixedPoint(),
            Training(rate=2, batch=16, steps=28),
            clip_bound=2 << 10,
        ),
        Preset(
            "wide",
            "1024 features, eight hidden layers of 1024: synthetic load",
            Mlp((1024,) * 9 + (2,)),
            FixedPoint(),
            Training(rate=1, batch=64, steps=8),
            clip_bound=2 << 10,
        ),
        Preset(
            "tiny",
            "four features, four hidden units: for trying things out",
            Mlp((4, 4, 2)),
            FixedPoint(),
            Training(rate=4, batch=4, steps=7),
            clip_bound=4 << 10,
        ),
    )
}


def preset(name: str) -> Preset:
    """The configuration of this name; ConfigurationError lists the names there are."""
    if name not in PRESETS:
        raise ConfigurationError("preset", f"one of {', '.join(sorted(PRESETS))}", name)
    return PRESETS[name]
