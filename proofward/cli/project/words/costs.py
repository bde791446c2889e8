"""An inspection, as a document and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proofward.models.costs.inspection import Inspection
    from proofward.models.costs.tally import Tally


def plain_costs(found: Inspection) -> dict[str, Any]:
    """All figures, by name."""
    model, (steps, padded) = found.setup.model, found.steps
    return {
        "admissible": found.refusal is None,
        "refusal": found.refusal,
        "network": model.words,
        "parameters": model.parameters,
        "rows": found.rows,
        "steps": steps,
        "trained_rows": found.setup.training.trained_rows(found.rows),
        "proved_steps": padded,
        "batch": found.setup.training.batch,
        "momentum": found.setup.training.real_momentum,
        "server_optimizer": found.optimizer.to_dict(),
        "ciphertext_bytes": found.ciphertext_bytes,
        "policy_bits": found.security_bits,
        "round": _plain_tally(found.round),
        "enrolment": _plain_tally(found.enrolment),
        "parts": [
            {"name": name, "committed_values": part.committed, "columns": part.columns,
             "lookups": part.lookups, "opened_bytes": _opened_bytes(found, part.committed)}
            for name, part in found.parts
        ],
        "padding": [
            {"of": own.what, "values": own.values, "padded": own.padded, "share": round(own.share, 4)}
            for own in found.wastes
        ],
        "padded_share": round(found.padded_share, 4),
        "headroom": [
            {"layer": own.layer, "bound": own.quantity, "bits": round(own.bits, 2)} for own in found.headrooms
        ],
        "high_limbs": [asdict(own) for own in found.limbs],
        **({"norms_of_records": dict(found.norms)} if found.norms else {}),
        "predicted": None if found.prediction is None else asdict(found.prediction),
        "advice": found.advice,
    }  # fmt: skip


def _plain_tally(tally: Tally | None) -> dict[str, Any] | None:
    if tally is None:
        return None
    plan, length = tally.plan, tally.plan.proof_length
    return {
        "committed_values": plan.values,
        "lookups": tally.lookups,
        "leaves": tally.leaves,
        "soundness_bits": round(plan.soundness_bits, 2),
        "grinding_bits": plan.grinding,
        "soundness_bits_with_work": round(plan.bits_with_work, 2),
        "proof_bytes": {"least": length.least, "expected": length.expected, "most": length.most},
    }


def _opened_bytes(found: Inspection, committed: int) -> int:
    """What the values of a part add to the opening."""
    assert found.round is not None
    return round(committed * found.round.plan.counts.bytes_per_value)


def cost_lines(found: Inspection) -> Iterator[str]:
    """The same for people, the verdict first."""
    model, training, (steps, padded) = found.setup.model, found.setup.training, found.steps
    if found.refusal is None:
        yield f"admissible: every round of a hospital with {found.rows:,} records can be proved"
    else:
        yield f"NOT admissible with {found.rows:,} records: {found.refusal}"
    size = f"{model.parameters:,} parameters; ciphertext {found.ciphertext_bytes:,} bytes"
    yield f"network {model.words}, {size}"
    unit = "step" if steps == 1 else "steps"
    batches = f"{training.batch}{training.momentum_words}"
    yield f"a round: {steps:,} {unit} in batches of {batches}, proved as {padded:,}"
    if training.validation_words:
        trained = training.trained_rows(found.rows)
        yield f"validation part: {found.rows - trained:,} of the records, so that {trained:,} are trained on"
    if found.optimizer.vectors:
        vectors = " and ".join(found.optimizer.vectors)
        yield f"the next model by {found.optimizer.words}; its {vectors} are public, each as large as it"
    for name, tally in (("enrolment", found.enrolment), ("round", found.round)):
        if tally is not None:
            yield _tally_line(name, tally, found.security_bits)
    if found.prediction is not None:
        own = found.prediction
        yield (
            f"predicted, in processor seconds: train {_seconds(own.train_seconds)}, prove and encrypt "
            f"{_seconds(own.prove_seconds)}, verify {_seconds(own.verify_seconds)}; "
            f"peak memory {own.peak_bytes / (1 << 30):.2f} GiB"
        )
    yield ""
    yield from _part_lines(found)
    yield "padding, of values that are as many as a column has places for them:"
    for entry in found.wastes:
        yield f"  {entry.share:6.1%}  {entry.what}, {entry.values:,} of {entry.padded:,}"
    yield f"  {found.padded_share:6.1%}  all hidden values of all steps"
    yield "headroom, below the limit of the nearest bound:"
    for room in found.headrooms:
        yield f"  {room.bits:6.1f} bits  {room.layer}, {room.quantity}"
    if found.limbs:
        yield "columns of high limbs:"
    for limb in found.limbs:
        yield f"  {limb.columns:3}  {limb.layer}: {limb.why}"
    if found.norms:
        yield "norms of the records' gradients at convolutions:"
    for name, words in found.norms:
        yield f"  {name}: {words}"
    for line in found.advice:
        yield f"WARNING  {line}"


def _tally_line(name: str, tally: Tally, policy: int) -> str:
    plan, length = tally.plan, tally.plan.proof_length
    return (
        f"{name}: {plan.values:,} committed values, {tally.lookups:,} lookups, "
        f"{plan.soundness.words} (the rules demand {policy}), proof about {length.expected:,} "
        f"bytes ({length.least:,} to {length.most:,})"
    )


def _part_lines(found: Inspection) -> Iterator[str]:
    if not found.parts:
        return
    yield f"{'committed':>14} {'lookups':>14} {'opened bytes':>14}"
    for name, part in found.parts:
        opened = _opened_bytes(found, part.committed)
        yield f"{part.committed:14,} {part.lookups:14,} {opened:14,}  {name}"


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
