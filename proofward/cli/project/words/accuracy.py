"""What `consortium init` says of the accuracy that differential privacy costs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proofward.cli.project.consortium_file.project import Project
    from proofward.engines.remote.agreement.terms import Terms
    from proofward.privacy.forecast import Forecast

NONE = (
    "no forecast of accuracy for this network and these data; docs/privacy.md has figures of public data, "
    "and says when noise does not pay"
)


def about_accuracy(project: Project, terms: Terms) -> list[str]:
    """A forecast by the shape of a table; none where nothing is promised, or of other networks."""
    if project.privacy is None:
        return []
    if (found := _forecast(project, terms)) is None:
        return [NONE]
    return [
        f"forecast by drawn tables of this shape, {found.records:,} records at each hospital: AUC "
        f"{found.without_noise:.3f} without noise, {found.with_noise:.3f} with it, {found.alone:.3f} at one "
        "hospital alone and exact. No record was looked at, so yours may do better or worse: the difference "
        "is what noise costs"
    ]


def _forecast(project: Project, terms: Terms) -> Forecast | None:
    """Of tables with two classes, by layers from columns to scores."""
    import numpy as np

    from proofward.privacy.forecast import forecast

    rules, config = terms.check(), terms.round_config
    model, private, accountant = config.model, config.privacy, rules.accountant
    if private is None or accountant is None or private.of_hospitals or project.images is not None:
        return None
    shapes = [own.shape for own, _ in model.unflatten(np.zeros(model.parameters, dtype=np.int64))]
    widths = [model.features, *(shape[0] for shape in shapes)]
    chained = [(outputs, inputs) for inputs, outputs in pairwise(widths)]
    if shapes != chained or widths[-1] != 2:
        return None
    step = config.training.rate * config.training.batch / (1 << config.scales.rate_shift)
    bound = 2.0**private.clip_bits
    deviation = accountant.deviation / accountant.clip_units * bound
    hospitals, rounds = len(rules.hospitals), rules.training_rounds
    return forecast(widths, hospitals, config.most_rows, bound, deviation, step, rounds)
