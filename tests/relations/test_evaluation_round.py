"""Honest proved evaluations: of every kind of network, and with rows left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.local_training.training import scores
from proofward.layers.networks.network import Network, chain, mlp
from proofward.layers.rules.subgroup import Subgroup
from proofward.proof.errors import OpeningsExhausted, ProofRejected, WitnessError
from proofward.proof.transcript import Coins
from proofward.relations.evaluations.evaluation_statement import check_proved
from proofward.relations.evaluations.score_bins import Edges
from proofward.relations.proofs.evaluation_proof import (
    check_evaluation,
    opened_by,
    prove_evaluation,
    verify_evaluation,
)
from proofward.relations.proofs.measure import check_countable
from proofward.relations.rules.counting import Counting
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_counts import bins_of_differences, score_counts
from proofward.relations.scores.score_layout import ScoreLayout
from tests.proof.cheats import refusal
from tests.proof.toy import seeded
from tests.proof.uniformity import COINS
from tests.relations.cases import sealed
from tests.relations.evaluation_cases import DIGESTS, LAYOUT, ROWS, enrolled, rules, simulated, statement_of

CONV: dict[str, object] = {"kind": "conv2d", "outputs": 3, "kernel": 2, "stride": 1, "padding": 1}
NETWORKS = {
    "one layer": mlp((3, 2)),
    "deep": mlp((5, 7, 3, 2)),
    "pictures": chain((1, 5, 4), [CONV, {"kind": "relu_maxpool2d"}, {"kind": "linear", "outputs": 2}]),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_proved_counts_are_the_plain_ones(network: Network) -> None:
    statement = statement_of(network)
    secret = enrolled(network)[1]
    made = prove_evaluation(statement, secret, seeded(1), sealed)
    found = verify_evaluation(statement, made.ciphertext, made.sealed_shares, made.proof)
    assert found.dataset_root == made.dataset.root != secret.root and found.soundness_bits >= 40
    assert made.dataset.openings_left == 3
    own = secret.features[statement.arc.held_out], secret.labels[statement.arc.held_out]
    plain = score_counts(LAYOUT, network, statement.config.scales, statement.weights, *own)
    assert np.array_equal(made.counts, plain) and plain.sum() == 2 * statement.arc.length


GROUPED = ScoreLayout(2, 6, 1, (Subgroup("sex", ("f", "m"), 0), Subgroup("stain", ("HE", "IHC", "other"), 2)))
"""Levels by the signs of features, of which the first that is above 0 decides."""


@pytest.mark.parametrize("least", [1, 3])
def test_the_counts_of_subgroups_are_the_plain_ones(least: int) -> None:
    layout = replace(GROUPED, least_count=least)
    statement, secret = statement_of(layout=layout), enrolled()[1]
    made = prove_evaluation(statement, secret, seeded(1), sealed)
    verify_evaluation(statement, made.ciphertext, made.sealed_shares, made.proof)
    own = secret.features[statement.arc.held_out], secret.labels[statement.arc.held_out]
    plain = score_counts(layout, statement.config.model, statement.config.scales, statement.weights, *own)
    assert np.array_equal(made.counts, plain) and np.count_nonzero(plain[16:]) > 4 - least


@pytest.mark.parametrize("left_out", [(0, 0), (2, 1), (0, 3), (3, 3)])
def test_rows_at_the_ends_can_be_left_out_where_the_rules_say_how_many(left_out: tuple[int, int]) -> None:
    statement = replace(statement_of(left_out=3), left_out=left_out)
    made = prove_evaluation(statement, enrolled()[1], seeded(1), sealed)
    public = replace(statement, left_out=(0, 0))
    verify_evaluation(public, made.ciphertext, made.sealed_shares, made.proof)
    assert opened_by(public, made.proof)[0].left_out == left_out
    assert made.counts.sum() == 2 * (6 - sum(left_out))


def test_rejects_other_numbers_of_rows_left_out() -> None:
    statement = replace(statement_of(left_out=3), left_out=(1, 1))
    made = prove_evaluation(statement, enrolled()[1], seeded(1), sealed)

    def check(head: bytes) -> str:
        said = made.ciphertext, made.sealed_shares, head + made.proof[8:]
        return refusal(lambda: verify_evaluation(statement, *said))

    assert check(bytes([2, 0, 0, 0, 1, 0, 0, 0]))
    assert check(bytes([4, 0, 0, 0, 1, 0, 0, 0])) == "left out"
    short = refusal(lambda: verify_evaluation(statement, made.ciphertext, made.sealed_shares, b"1234567"))
    assert short == "left out"


def test_the_edges_of_bins_are_those_of_the_scores() -> None:
    """Every difference of logits lies in the bin of its rounded score, at the borders and at both ends."""
    statement = statement_of()
    edges, scales = Edges.of(statement.forward_pass, 6), statement.config.scales
    divisor = statement.config.model.last_rounding(scales).divisor
    inner = edges.values[1:-1]
    beside = np.concatenate([inner + step for step in (-divisor.value, -1, 0, 1, divisor.value)]) - edges.half
    ends = np.array([1 - (1 << edges.bits), (1 << edges.bits) - edges.half - 1, 0, -1])
    tried = np.concatenate([beside, ends])
    assert np.array_equal(edges.bin_of(tried), bins_of_differences(6, scales, divisor.rounded(tried)))
    assert edges.bins == 6 and (np.diff(edges.values) > 0).all()


def test_the_samples_that_are_no_records_have_the_score_of_zeros() -> None:
    statement = statement_of()
    count, place = statement.blank
    model, scales = statement.config.model, statement.config.scales
    score = scores(model, scales, statement.weights, np.zeros((1, 5), dtype=np.int64))
    assert (count, place) == (2, bins_of_differences(6, scales, score)[0])


def test_refuses_another_dataset_and_a_commitment_that_is_spent() -> None:
    statement, secret = statement_of(), enrolled()[1]
    with pytest.raises(WitnessError, match="use the newest secret"):
        prove_evaluation(replace(statement, dataset_root=bytes(32)), secret, seeded(1), sealed)
    with pytest.raises(OpeningsExhausted):
        prove_evaluation(statement, replace(secret, openings_left=0), seeded(1), sealed)


OUTSIDE = "0" * 64
REFUSED = {
    "classes": (ScoreLayout(3, 6, 1), None),
    "bins": (ScoreLayout(2, 5, 1), None),
    "model": (ScoreLayout(2, 6, 1, outside=OUTSIDE), None),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_covered_is_refused_by_name_with_what_to_do_instead(what: str) -> None:
    layout, network = REFUSED[what]
    about = rules(network) if network else rules()
    with pytest.raises(ConfigurationError, match=f"{what} of a proved evaluation.*proved = false"):
        check_countable(about, counting_of(layout, (2,), proved=True))


def test_a_part_that_counts_could_not_hold_is_refused_and_so_are_rules_without_one() -> None:
    with pytest.raises(ConfigurationError, match="bits of counts"):
        check_proved(rules(), replace(counting_of(LAYOUT, (2,), proved=True), bits=2))
    none = replace(rules(), training=replace(rules().training, validation_share=0))
    with pytest.raises(ConfigurationError, match="validation_share"):
        check_proved(none, counting_of(LAYOUT, (2,), proved=True))
    with pytest.raises(ConfigurationError, match="counts of scores that are proved"):
        check_proved(rules(), counting_of(LAYOUT, (2,)))


def test_the_plain_form_names_what_is_proved_only_where_it_is() -> None:
    signed, proved = counting_of(LAYOUT, (2,)), counting_of(LAYOUT, (2,), proved=True, left_out=4)
    assert {"proved", "left_out"}.isdisjoint(signed.to_dict()) and signed.digest() != proved.digest()
    for own in (signed, proved):
        assert Counting.from_dict(own.to_dict()) == own
    for others in ({"proved": False, "left_out": 0}, {"proved": True}, {"proved": True, "left_out": -1}):
        with pytest.raises(ConfigurationError):
            Counting.from_dict({**signed.to_dict(), **others})
    with pytest.raises(ConfigurationError, match="left_out"):
        replace(signed, left_out=1)


def test_a_simulated_evaluation_is_accepted() -> None:
    public = statement_of()
    real = prove_evaluation(public, enrolled()[1], seeded(2), sealed)
    statement, words, told = simulated(public, real.ciphertext.size)
    assert len(told) == pytest.approx(len(real.proof), rel=0.03)
    assert check_evaluation(statement, words, DIGESTS, told, Coins(COINS)).soundness_bits >= 40
    with pytest.raises(ProofRejected):
        check_evaluation(statement, words, DIGESTS, told, Coins(b"other coins"))
    with pytest.raises(ProofRejected):
        verify_evaluation(statement, words, DIGESTS, told)


def test_a_part_of_one_row_is_counted() -> None:
    statement = statement_of(rows=2)
    assert statement.arc.length == 1 and ROWS > 2
    made = prove_evaluation(statement, enrolled(rows=2)[1], seeded(1), sealed)
    verify_evaluation(statement, made.ciphertext, made.sealed_shares, made.proof)
