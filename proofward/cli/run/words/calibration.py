"""A calibration, as a document and as lines for people.

Figures of layers have two digits, and the room of features is in whole bits: no value of a record can be read
off them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofward.models.calibration import Reached
    from proofward.models.fixed_run import Saturation
    from proofward.report.calibrate import Calibration, Measured


def plain_calibration(found: Calibration, percent: float) -> dict[str, Any]:
    """All figures, by name; what is not in a layer, and room where nothing but zeros was seen, is null."""
    suggested = found.suggested
    return {
        "records": found.rows,
        "rounds": found.rounds,
        "steps": found.steps,
        "float": {"accuracy": round(found.float_accuracy, 4), "loss": round(found.float_loss, 5)},
        "today": _plain(found.today, found, percent),
        "suggested": None if suggested is None else _plain(suggested, found, percent),
        "reason": found.reason or None,
        "nearer": found.nearer,
    }


def _plain(own: Measured, found: Calibration, percent: float) -> dict[str, Any]:
    cost = own.inspection.round
    assert cost is not None
    return {
        "scales": own.scales.to_dict(),
        "layers": [_plain_layer(own, at, entry) for at, entry in enumerate(found.reached)],
        "features": {"room_bits": own.features_room, "clipped": _two(own.features)},
        "accuracy": round(own.accuracy, 4),
        "loss": round(own.loss, 5),
        "loss_difference": round(own.loss - found.float_loss, 5),
        "agreement": round(own.agreement, 4),
        "records": [own.rules.least_rows, own.rules.most_rows],
        "prove_seconds": round(own.prove_seconds, 4),
        "committed_values": cost.plan.values,
        "lookups": cost.lookups,
        "soundness_bits": round(cost.plan.soundness_bits, 2),
        "grinding_bits": cost.plan.grinding,
        "soundness_bits_with_work": round(cost.plan.bits_with_work, 2),
        "problems": list(own.problems(percent)),
    }


def _plain_layer(own: Measured, at: int, reached: Reached) -> dict[str, Any]:
    room, share = own.headroom[at], own.saturation[at]

    def part(largest: float, bits: float | None, beyond: float | None) -> dict[str, float | None] | None:
        if bits is None:
            return None
        known = None if math.isinf(bits) else round(bits, 1)
        shares = {} if beyond is None else {"beyond": _two(beyond)}
        return {"largest": _two(largest), "room_bits": known, **shares}

    gradients = part(reached.input_gradients, room.input_gradients, share.gradients)
    return {
        "layer": reached.name,
        "pre_activations": part(reached.sums, room.sums, share.sums),
        "activations": part(reached.activations, room.activations, None),
        "gradients": None if gradients is None else {**gradients, "vanished": _two(share.vanished)},
        "weights": part(reached.weights, room.weights, None),
    }


def headroom_lines(own: Measured, found: Calibration) -> Iterator[str]:
    """What each layer reached, and the room that some scales leave it."""
    room = "none known" if own.features_room is None else f"{own.features_room} whole bits of room"
    yield f"  features: {room}; clipped {_share(own.features)}"
    last = len(found.reached) - 1
    for at, reached in enumerate(found.reached):
        bits, share = own.headroom[at], own.saturation[at]
        sums = "differences of logits" if at == last else "pre-activations"
        yield f"  {reached.name}"
        yield _line(sums, reached.sums, bits.sums, f"beyond {_share(share.sums)}")
        if bits.activations is not None:
            yield _line("activations", reached.activations, bits.activations, "")
        if bits.input_gradients is not None:
            yield _line("gradients of inputs", reached.input_gradients, bits.input_gradients, _lost(share))
        yield _line("weights", reached.weights, bits.weights, "")


def _lost(share: Saturation) -> str:
    return f"beyond {_share(share.gradients)}, rounded to zero {_share(share.vanished)}"


def _line(what: str, largest: float, bits: float, more: str) -> str:
    room = "any room" if math.isinf(bits) else f"{bits:.1f} bits of room"
    return f"    {what}: up to {largest:.2g}, {room}" + (f"; {more}" if more else "")


def calibration_lines(found: Calibration) -> Iterator[str]:
    """All of it: the sample, today's scales, the suggested ones, and how near each is to float32."""
    yield sample_line(found)
    yield f"today's scales: {_scales(found.today)}"
    yield from headroom_lines(found.today, found)
    if found.suggested is None:
        yield f"no other scales are suggested: {found.reason}"
    else:
        yield f"suggested scales: {_scales(found.suggested)}"
        yield from headroom_lines(found.suggested, found)
    yield "on the sample itself, which compares arithmetics and not models:"
    yield f"  float32: accuracy {found.float_accuracy:.1%}, loss {found.float_loss:.4f}"
    yield _compared("today's scales", found.today, found)
    if found.suggested is not None:
        yield _compared("suggested scales", found.suggested, found)
        verdict = "nearer to float32 than" if found.nearer else "no nearer to float32 than"
        yield f"the loss with the suggested scales is {verdict} with today's"


def sample_line(found: Calibration) -> str:
    """What was trained on."""
    rounds = "a round" if found.rounds == 1 else f"{found.rounds} rounds"
    return f"sample: {found.rows} records, {rounds} of {found.steps} steps at one hospital"


def _scales(own: Measured) -> str:
    return ", ".join(f"{name} {value}" for name, value in own.scales.to_dict().items())


def _compared(name: str, own: Measured, found: Calibration) -> str:
    cost = own.inspection.round
    assert cost is not None
    accuracy, loss = own.accuracy - found.float_accuracy, own.loss - found.float_loss
    return (
        f"  {name}: accuracy {own.accuracy:.1%} ({accuracy:+.1%}), loss {own.loss:.4f} ({loss:+.4f}), "
        f"{own.agreement:.1%} of the decisions alike; a proof takes {own.prove_seconds:.2f} processor "
        f"seconds, has {cost.plan.values:,} committed values and {cost.plan.soundness.words}; "
        f"hospitals have {own.rules.least_rows:,} to {own.rules.most_rows:,} records"
    )


def _share(value: float) -> str:
    return f"{100 * value:.2g} %"


def _two(value: float) -> float:
    return float(f"{value:.2g}")
