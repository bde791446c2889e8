"""Whole federations on convolutional networks and several classes, in which one hospital trains otherwise.

It does everything else as well as it can: rounding, update, clipping, encryption and proof are those of its
own training. It is refused and named, the round closes without it, and nobody else is blamed.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
import pytest

from proofward.engines.attacks import forger
from proofward.engines.attacks.hospitals import _Forges
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.parties.auditor import Auditor
from proofward.layers.activations.relu_maxpool2d import ReluMaxPool2d
from proofward.layers.activations.relu_mean import ReluMean
from proofward.layers.basics.record import RecordLayout
from proofward.layers.convolutions.conv2d import Conv2dTrainer
from proofward.layers.heads.softmax_head import SoftmaxHead
from proofward.layers.networks.network import chain, mlp
from proofward.layers.rules.model import FixedPoint
from tests.federation.fakes import plan
from tests.relations.otherwise import flipped
from tests.relations.test_rejects_concat import of_another_patient, of_zeros

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("remembered")]

ATTACKER = "hospital-1"
CONV = {"kind": "conv2d", "outputs": 2, "kernel": 3, "stride": 1, "padding": 1}
POOLED = chain((1, 6, 6), [CONV, {"kind": "relu_maxpool2d"}, {"kind": "linear", "outputs": 2}])
GROUPS = {"kind": "conv2d", "outputs": 6, "kernel": 1, "stride": 1, "padding": 0, "groups": 2}
AVERAGED = chain((1, 6, 6), [CONV, {"kind": "relu_avgpool2d", "size": 3}, GROUPS, {"kind": "linear", "outputs": 2}])
CLASSES = chain((4,), [{"kind": "linear", "outputs": 5}, {"kind": "linear", "outputs": 3}])
OUTPUTS = {"kind": "linear", "outputs": 3}
WITH_A_ROW = chain((1, 4, 4), [CONV, OUTPUTS, {"kind": "add", "from": "row", "by": OUTPUTS}, OUTPUTS], 3)
HELD = chain((1, 6, 6), [CONV, {**CONV, "outputs": 8}, {"kind": "linear", "outputs": 2}])
DEEP, RANGES = mlp((4, 6, 5, 2)), {"activation_ranges": (4, 7), "gradient_ranges": (6, 3)}
SCALES = {DEEP: RANGES, HELD: {"weight_range_bits": 24}}
of_layer = FixedPoint.of_layer
forward, means, saturate = Conv2dTrainer.forward, ReluMean.forward, Conv2dTrainer.saturate
backward, gradients = ReluMaxPool2d.backward, SoftmaxHead.gradients


def crossed(self, inputs):
    """The first two channels of a grouped layer's inputs change places."""
    pictures = inputs.reshape(len(inputs), *self.layer.inputs.padded_axes)
    return (pictures[:, ::-1] if self.layer.groups == 2 else pictures).reshape(len(inputs), -1).copy()


def only_weights(self, limit):
    """Biases go on where they are."""
    biases = self.biases.copy()
    saturate(self, limit)
    self.biases[...] = biases


ATTACKS = {
    "weights that do not saturate": (HELD, Conv2dTrainer, "saturate", lambda self, limit: None),
    "biases that do not saturate": (HELD, Conv2dTrainer, "saturate", only_weights),
    "weights that saturate at another range": (HELD, Conv2dTrainer, "saturate", lambda self, limit: saturate(self, limit // 2)),
    "a flipped kernel": (POOLED, Conv2dTrainer, "forward", flipped),
    "a frozen layer": (POOLED, Conv2dTrainer, "update", lambda self, deltas, inputs, rate: None),
    "gradients turned round behind a pool": (
        POOLED, ReluMaxPool2d, "backward", lambda self, sums, back, scales: -backward(self, sums, back, scales),
    ),
    "a rounded mean": (AVERAGED, ReluMean, "forward", lambda self, sums, scales: means(self, sums, scales) // 4 * 4),
    "inputs of the other group": (
        AVERAGED, Conv2dTrainer, "forward", lambda self, inputs, bound: forward(self, crossed(self, inputs), bound),
    ),
    "another layer's range": (DEEP, FixedPoint, "of_layer", lambda self, index: of_layer(self, {0: 1, 1: 0}.get(index, index))),
    "another patient's row": (WITH_A_ROW, RecordLayout, "whole_parts", of_another_patient),
    "zeros for the row": (WITH_A_ROW, RecordLayout, "whole_parts", of_zeros),
    "another loss": (
        CLASSES, SoftmaxHead, "gradients", lambda self, sums, labels, scales: gradients(self, sums, (labels + 1) % 3, scales),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Otherwise(forger.Cheat):
    """Trains while a method of a layer is another one."""

    where: tuple = ()


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hospital_that_trains_otherwise_is_named(tmp_path, monkeypatch, name):
    network, *where = ATTACKS[name]
    honest_witness = forger._witness

    def witness(statement, secret, rng, cheat):
        other = mock.patch.object(*cheat.where) if isinstance(cheat, Otherwise) else nullcontext()
        with other:
            return honest_witness(statement, secret, rng, cheat)

    class Attacker(_Forges):
        def cheat(self, statement, known, rng):
            return Otherwise(where=tuple(where))

    monkeypatch.setattr(forger, "_witness", witness)
    agreed = plan(hospitals=4, verifiers=1, rounds=1, threshold=1)
    scales = replace(agreed.config.scales, **SCALES.get(network, {}))
    training = replace(agreed.config.training, rate=1 << 8 if network is HELD else 1)
    rules = replace(agreed.config, model=network, scales=scales, training=training, least_rows=0, most_rows=0)
    agreed = replace(agreed, config=rules)
    rng, classes = np.random.default_rng(7), network.layers[-1].gives.size
    records = {
        member: (rng.integers(-64, 64, (8 + index, network.features)), rng.integers(0, classes, 8 + index))
        for index, member in enumerate(agreed.hospitals)
    }
    engine = InProcessFederation(
        tmp_path, agreed, records, seed=b"s", parties=Parties(hospitals={ATTACKER: Attacker})
    )
    result = engine.run()
    closed = engine.aggregator.history.closed
    assert result.finished and {fault.culprit for fault in result.faults} == {ATTACKER}
    assert closed[0].accepted.record.hospitals == ("hospital-0", "hospital-2", "hospital-3")
    verdicts = list(Auditor(tmp_path / "ledger", RelationProofs()).run())
    assert [str(verdict) for verdict in verdicts if not verdict.passed] == []
