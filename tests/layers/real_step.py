"""One step in real numbers, and its comparison with what PyTorch's autograd makes of the same logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from proofward.layers.networks.initial_weights import initial_weights
from proofward.layers.networks.network import Network
from proofward.layers.references.float_twin import real_features, real_weights, train_float
from proofward.layers.rules.model import FixedPoint, Training


class RealStep:
    """Of four drawn records; `parameters` are the first weights and biases as tensors, layer by layer."""

    def __init__(self, model: Network) -> None:
        import torch

        self.model = model
        self.scales = FixedPoint(6, 8, 24, 18, 17, 18, 19)  # nothing saturates
        self.training = Training(rate=64, batch=4, steps=1)
        self.first = real_weights(initial_weights(model, self.scales, b"s"), self.scales)
        drawn = np.random.default_rng(1).integers(-200, 200, (4, model.features))
        self.features, self.labels = real_features(drawn, self.scales), np.array([0, 1, 1, 0])
        self.parameters = [
            [torch.tensor(own.astype(np.float64), requires_grad=True) for own in (self.first[start:bias], self.first[bias:end])]
            for start, bias, end in model.offsets
        ]

    def check(self, logits: Any) -> None:
        """The trainer's update is the gradient of the cross-entropy of these logits, times the rate."""
        import torch

        order = np.arange(4)[None]
        found = train_float(self.model, self.scales, self.training, self.first, self.features, self.labels, order)
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(self.labels), reduction="sum")
        loss.backward()
        rate = self.training.rate / (1 << self.scales.rate_shift)
        step = -rate * np.concatenate([own.grad.numpy().ravel() for pair in self.parameters for own in pair])
        assert np.allclose(found, step, rtol=1e-3, atol=1e-5 * np.abs(step).max()) and np.abs(step).max() > 0
        assert all(np.any(step[start:end]) for start, _, end in self.model.offsets)
