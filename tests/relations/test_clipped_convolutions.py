"""Rounds that clip the gradients of pictures: accepted, simulated, and forgeries of a hospital that clips otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from proofward.cli.project.words.costs import cost_lines, plain_costs
from proofward.field import reference_arithmetic
from proofward.layers.gradient_clipping.clip_scale import SQUARE_LIMIT
from proofward.layers.gradient_clipping.clipped_training import ClippedUpdate
from proofward.layers.networks.network import chain
from proofward.layers.rules.model import FixedPoint
from proofward.models.costs.inspection import Prediction, inspect
from proofward.models.costs.tally import CLIPPING, tally_round
from proofward.models.costs.work import Run
from proofward.models.settings import Preset
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import verify_round
from proofward.relations.rules.config import RoundConfig
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
    full_batch,
    prepare,
    privacy,
    rule_of,
    witness_with,
)
from tests.relations.test_rejects_clipping import FORGERIES, ROWS, Known, broken, halved
from tests.relations.test_zero_knowledge import assert_simulated

pytestmark = pytest.mark.slow
SCALES = FixedPoint(gradient_range_bits=6)
MAXIMUM, WHOLE, WINDOWS = ({"kind": f"relu_{name}"} for name in ("maxpool2d", "global_avgpool", "avgpool2d"))
OUT = {"kind": "linear", "outputs": 2}


def conv(outputs: int, kernel: int = 3, padding: int = 1, groups: int = 1) -> dict[str, object]:
    grouped = {"groups": groups} if groups > 1 else {}
    return {"kind": "conv2d", "outputs": outputs, "kernel": kernel, "stride": 1, "padding": padding, **grouped}


BOTH_WAYS = (1, 4, 4), [conv(3, 2, 0), conv(2), MAXIMUM, OUT]
KINDS = {
    "windows of 3 and means of them": ((1, 5, 5), [conv(2, 2, 0), WINDOWS, {**OUT, "outputs": 3}, OUT]),
    "a mean of a whole picture": ((2, 3, 3), [conv(3), WHOLE, OUT]),
    "groups": ((1, 3, 3), [conv(4, 2, 0), conv(4, 2, 0, 2), OUT]),
    "groups of no power of two": ((1, 3, 3), [conv(3, 2, 0), conv(3, 2, 1, 3), OUT]),
}


def rules_of(axes: tuple[int, ...], layers: Sequence[object], clip_bits: int = -2) -> RoundConfig:
    own = privacy(clip_bits)
    return RoundConfig(chain(axes, layers), SCALES, full_batch(8), own.clip_bound, 3, 1, 40, True, privacy=own)


def verify(case: Case) -> None:
    made = case.result
    verify_round(case.statement, made.ciphertext, made.sealed_shares, made.proof)


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case(rules_of(*BOTH_WAYS, clip_bits=1), ROWS)


@pytest.fixture(scope="module")
def prepared(case: Case) -> Prepared:
    return prepare(case)


@pytest.fixture(scope="module")
def known(case: Case) -> Known:
    honest = clipped_update_of(case)
    weights = honest.clipped.weights[:ROWS]
    whole, clipped = np.flatnonzero(weights == 4096), np.flatnonzero((weights > 0) & (weights < 4096))
    return Known(case, honest, int(clipped[0]), int(whole[0]))


def test_a_round_with_both_ways_is_accepted_and_simulated(case: Case) -> None:
    assert [own.way.name for own in rule_of(case).scale.layers] == ["gradient", "positions", "product"]
    verify(case)
    assert_simulated(case)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_pool_and_of_groups_is_accepted(name: str) -> None:
    case = make_case(rules_of(*KINDS[name]), ROWS)
    assert (clipped_update_of(case).clipped.weights[:ROWS] < 4096).any()
    verify(case)


def test_the_reference_verifier_agrees() -> None:
    case = make_case(rules_of((1, 2, 2), [conv(1, 2, 0), OUT]), 3)
    with reference_arithmetic():
        verify(case)


def test_norms_of_convolutions_take_a_column_each_and_are_predicted(case: Case) -> None:
    rules = case.config
    names = [own.name for own in columns(case) if own.name.startswith("clipping norm")]
    assert len(names) == 2 + 2
    plan, found = round_plan(case.statement), tally_round(rules, ROWS)
    assert plan.values <= rules.committed_values(ROWS) <= plan.values + 16384
    assert found.part(CLIPPING).lookups % 8 == 0
    told = Prediction.of(Run(rules.model, rules.scales, rules.training, ROWS, found))
    assert min(told.train_seconds, told.prove_seconds, told.verify_seconds, told.peak_bytes) > 0


def test_an_inspection_says_how_norms_are_made_and_why(case: Case) -> None:
    rules = case.config
    setup = Preset("", "", rules.model, rules.scales, rules.training, rules.clip_bound, rules.privacy)
    found = inspect(setup, holders=3, threshold=1, rows=ROWS)
    first, second = plain_costs(found)["norms_of_records"].values()
    assert "gradients of records" in first and "pairs of positions, 16 entries a record" in second
    last = found.headrooms[-1]
    assert last.quantity == "squared norm of a record's gradient"
    assert 2**last.bits == pytest.approx(SQUARE_LIMIT / rule_of(case).scale.most_square)
    lines = list(cost_lines(found))
    assert lines[lines.index("norms of the records' gradients at convolutions:") + 1] == (
        f"  {rules.model.name(0)}: {first}"
    )


def of_convolutions(own: Known) -> ClippedUpdate:
    return own.of_norms(wholes=halved(own.honest.clipped.wholes))


def of_one_convolution(own: Known) -> ClippedUpdate:
    first, second = own.honest.clipped.wholes
    return own.of_norms(wholes=(first, second + 1))


NAMES = (
    "a row that is not clipped", "a multiplier one up", "a multiplier one down", "a padding slot with weight",
    "a sum by other multipliers", "norms of values halved", "one row in all slots",
)  # fmt: skip
OWN: dict[str, tuple[Callable[[Known], ClippedUpdate], set[str]]] = {
    **{name: FORGERIES[name] for name in NAMES},
    "norms of convolutions halved": (of_convolutions, {"norms of convolutions"}),
    "a norm of a convolution by pairs one up": (of_one_convolution, {"norms of convolutions"}),
}


@pytest.mark.parametrize("name", OWN)
def test_rejects_a_hospital_that_clips_pictures_otherwise(name: str, known: Known, prepared: Prepared) -> None:
    case, (make, expected) = known.case, OWN[name]
    update = make(known)
    assert expected <= broken(known, update) and (expected == {"rows"} or expected == broken(known, update))
    witness, encryption = witness_with(case, seeded(3), update)
    forger = type("Forging", (Forger,), {"fallback": prepared[2]})
    proof = prove_with(case, witness, encryption.ciphertext, forger, seeded(4))
    assert refusal(lambda: verify_round(case.statement, encryption.ciphertext, *proof)) == "column queries"


def test_nothing_is_broken_of_an_honest_hospital(known: Known) -> None:
    assert broken(known, known.honest) == set()


@SAMPLE_OR_WHOLE
def test_rejects_a_changed_entry_of_a_norm(
    case: Case, prepared: Prepared, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [column for column in columns(case) if whole or column.name.startswith("clipping norm")]
    monkeypatch.setattr("tests.relations.otherwise.columns", lambda about: own)
    assert any("norm of a convolution" in name for name in refuse_changed_entries(case, prepared, whole))


def test_rejects_changed_messages(case: Case, prepared: Prepared) -> None:
    refuse_changed_messages(case, prepared, 5, 211)
