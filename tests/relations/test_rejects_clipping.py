"""A hospital that clips otherwise is refused: forging provers, whose forgeries break what they name and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from proofward.layers.gradient_clipping.clip_scale import ClipScale
from proofward.layers.gradient_clipping.clipped_training import (
    Clipped,
    ClippedUpdate,
    full_step,
    square_of,
    summed,
)
from proofward.relations.proofs.prove import verify_round
from tests.proof.cheats import Forger, refusal
from tests.proof.toy import seeded
from tests.relations.cases import Case, make_case, prove_with
from tests.relations.inventory import columns
from tests.relations.otherwise import (
    SAMPLE_OR_WHOLE,
    Prepared,
    refuse_changed_entries,
    refuse_changed_messages,
)
from tests.relations.private_cases import (
    clipped_update_of,
    multiplied,
    otherwise,
    prepare,
    private_rules,
    rule_of,
    witness_with,
)

pytestmark = pytest.mark.slow
ROWS = 5


@pytest.fixture(scope="module")
def case() -> Case:
    """Five rows in eight slots; some are clipped, the others are not."""
    return make_case(private_rules((3, 2, 2), 8, clip_bits=-1), ROWS)


@pytest.fixture(scope="module")
def prepared(case: Case) -> Prepared:
    return prepare(case)


@dataclass(frozen=True)
class Known:
    """The case, what an honest hospital works out, and slots that are clipped and that are not."""

    case: Case
    honest: ClippedUpdate
    clipped: int
    whole: int

    @property
    def scale(self) -> ClipScale:
        return rule_of(self.case).scale

    def times(self, slot: int, weight: int) -> ClippedUpdate:
        """Another multiplier of a slot; all that follows."""
        return otherwise(self.case, multiplied(self.honest.clipped, ROWS, {slot: weight}))

    def weight(self, slot: int) -> int:
        return int(self.honest.clipped.weights[slot])

    def with_sum(self, weights: np.ndarray) -> ClippedUpdate:
        """A sum by other weights than those that are committed to."""
        case, clipped = self.case, self.honest.clipped
        total = otherwise(case, replace(clipped, weights=weights)).gradient
        return otherwise(case, clipped, total)

    def of_rows(self, change: Callable[[np.ndarray], None]) -> ClippedUpdate:
        """Another choice of rows, whose gradients are clipped as they should be."""
        case, order = self.case, self.case.statement.schedule().copy()
        change(order)
        return clipped_update_of(case, order)

    def of_norms(self, **changes: tuple[np.ndarray, ...]) -> ClippedUpdate:
        """Other norms; root, multipliers and sum follow."""
        own = self.honest.clipped
        norms = {"values": own.values, "gradients": own.gradients, "wholes": own.wholes, **changes}
        wholes = norms.pop("wholes")
        return otherwise(self.case, Clipped.of(**norms, scale=self.scale, rows=ROWS, wholes=wholes))

    def of_root(self, change: int) -> ClippedUpdate:
        """Another root in the clipped slot; multiplier and sum follow."""
        own = self.honest.clipped
        root, multipliers = own.root.copy(), own.weights.copy()
        root[self.clipped] += change
        multipliers[self.clipped] = (self.scale.bound << 12) // root[self.clipped]
        made = multiplied(replace(own, root=root), ROWS, {self.clipped: int(multipliers[self.clipped])})
        return otherwise(self.case, made)


@pytest.fixture(scope="module")
def known(case: Case) -> Known:
    honest = clipped_update_of(case)
    weights = honest.clipped.weights[:ROWS]
    whole, clipped = np.flatnonzero(weights == 4096), np.flatnonzero(weights < 4096)
    assert len(whole) and len(clipped) and weights[clipped[0]] > 0
    return Known(case, honest, int(clipped[0]), int(whole[0]))


def broken(known: Known, update: ClippedUpdate, batches: np.ndarray | None = None) -> set[str]:
    """Which statements about hidden values do not hold of what is committed to, by plain integers."""
    case, scale, own, found = known.case, known.scale, update.clipped, set()
    rules, statement = case.config, case.statement
    about = rules.model, rules.scales, statement.training, statement.initial_weights
    step = full_step(*about, case.features, case.labels, statement.schedule() if batches is None else batches)

    def check(name: str, holds: object) -> None:
        if not np.all(holds):
            found.add(name)

    def fits(values: np.ndarray, bits: int) -> bool:
        return bool((values >= 0).all() and (values < 1 << bits).all())

    values, gradients = step.norms
    check("norms of values", [np.array_equal(*pair) for pair in zip(values, own.values, strict=True)])
    check("norms of gradients", [np.array_equal(*pair) for pair in zip(gradients, own.gradients, strict=True)])
    check("norms of convolutions", [np.array_equal(*pair) for pair in zip(step.wholes, own.wholes, strict=True)])
    check("root too small", fits(own.above(scale), scale.slack_bits))
    check("root too large", fits(own.below(scale), scale.slack_bits))
    check("multiplier beyond 1", fits(own.shortfall, scale.shortfall_bits))
    check("multiplier too large", fits(own.room(scale), scale.room_bits))
    check("multiplier too small", fits(own.rest(scale), scale.rest_bits))
    check("shrunk although short", own.shortfall * (1 - own.case(scale)) == 0)
    mask = np.arange(len(own.weights)) < ROWS
    check("weights of slots", own.weights == mask * (4096 - own.shortfall))
    check("sum of gradients", summed(rules.model, step, own.weights, scale) == update.gradient)
    check("rounding", rule_of(case).divisor.rounded(update.gradient) == update.update)
    if batches is None:
        check("rows", np.array_equal(update.trace.inputs, step.trace.inputs))
    return found


def halved(norms: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return tuple(own // 2 for own in norms)


def twice(order: np.ndarray) -> None:
    order[0, 1] = order[0, 0]


def left_out(order: np.ndarray) -> None:
    order[0, :ROWS] = order[0, 0]


FORGERIES: dict[str, tuple[Callable[[Known], ClippedUpdate], set[str]]] = {
    "a row that is not clipped": (
        lambda own: own.times(own.clipped, 4096), {"multiplier too large", "multiplier too small"},
    ),
    "a multiplier one up": (
        lambda own: own.times(own.clipped, own.weight(own.clipped) + 1), {"multiplier too large"},
    ),
    "a multiplier one down": (
        lambda own: own.times(own.clipped, own.weight(own.clipped) - 1), {"multiplier too small"},
    ),
    "a short row scaled up": (
        lambda own: own.times(own.whole, 4097), {"multiplier beyond 1", "multiplier too large", "shrunk although short"},
    ),
    "a short row one down": (lambda own: own.times(own.whole, 4095), {"shrunk although short"}),
    "a padding slot with weight": (lambda own: own.times(ROWS, 1), {"weights of slots"}),
    "a row without weight": (
        lambda own: own.times(own.clipped, 0), {"multiplier beyond 1", "multiplier too large", "multiplier too small"},
    ),
    "a weight beside its shortfall": (
        lambda own: otherwise(own.case, replace(own.honest.clipped, weights=own.honest.clipped.weights // 2)),
        {"weights of slots"},
    ),
    "a sum by other multipliers": (
        lambda own: own.with_sum(np.full(8, 4096)), {"sum of gradients"},
    ),
    "a sum with the padding": (
        lambda own: own.with_sum(4096 - own.honest.clipped.shortfall), {"sum of gradients"},
    ),
    "an update one off": (
        lambda own: replace(own.honest, update=own.honest.update + np.eye(1, 14, 3, dtype=np.int64)[0]), {"rounding"},
    ),
    "norms of values halved": (lambda own: own.of_norms(values=halved(own.honest.clipped.values)), {"norms of values"}),
    "norms of gradients halved": (
        lambda own: own.of_norms(gradients=halved(own.honest.clipped.gradients)), {"norms of gradients"},
    ),
    "a root one down": (lambda own: own.of_root(-1), {"root too small"}),
    "a root one up": (lambda own: own.of_root(1), {"root too large"}),
    "a row twice, another left out": (lambda own: own.of_rows(twice), {"rows"}),
    "one row in all slots": (lambda own: own.of_rows(left_out), {"rows"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGERIES)
def test_rejects_a_hospital_that_clips_otherwise(name: str, known: Known, prepared: Prepared) -> None:
    case, (make, expected) = known.case, FORGERIES[name]
    update = make(known)
    found = broken(known, update)
    if expected == {"rows"}:
        assert "rows" in found and broken(known, update, changed_order(case, name)) == set()
    else:
        assert found == expected
    witness, encryption = witness_with(case, seeded(3), update)
    forger = type("Forging", (Forger,), {"fallback": prepared[2]})
    proof = prove_with(case, witness, encryption.ciphertext, forger, seeded(4))
    check = lambda: verify_round(case.statement, encryption.ciphertext, *proof)  # noqa: E731
    assert refusal(check) == "column queries"


def changed_order(case: Case, name: str) -> np.ndarray:
    order = case.statement.schedule().copy()
    (twice if "twice" in name else left_out)(order)
    return order


def test_nothing_is_broken_of_an_honest_hospital(known: Known) -> None:
    assert broken(known, known.honest) == set()
    squares = square_of(known.honest.clipped.values, known.honest.clipped.gradients, known.scale)
    assert (squares > 0).all()


@SAMPLE_OR_WHOLE
def test_rejects_a_changed_entry_of_every_kind_of_column(
    case: Case, prepared: Prepared, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of clipping and of the update in the sample; those of network and noise have their tests elsewhere."""
    of_clipping = ("clipping", "layer 2 weights update")
    own = [column for column in columns(case) if whole or column.name.startswith(of_clipping)]
    monkeypatch.setattr("tests.relations.otherwise.columns", lambda about: own)
    names = refuse_changed_entries(case, prepared, whole)
    assert sum("clipping" in name for name in names) >= 8


def test_rejects_changed_messages(case: Case, prepared: Prepared) -> None:
    refuse_changed_messages(case, prepared, 3, 173)
