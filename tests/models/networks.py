"""One network, written in ways that people write it; and layers that are refused."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

SHAPE = (3, 4)
INPUTS, HIDDEN = 12, 8


class Nested(nn.Module):
    """Modules within modules."""

    def __init__(self, last):
        super().__init__()
        self.body = nn.Sequential(nn.Sequential(nn.Flatten(), nn.Linear(INPUTS, HIDDEN)), nn.ReLU())
        self.head = nn.Sequential(nn.Identity(), last)

    def forward(self, records):
        return self.head(self.body(records))


class Functional(nn.Module):
    """Two Linear layers, everything else by functions; `shape` and `relu` are what differs."""

    def __init__(self, last, shape, relu):
        super().__init__()
        self.first, self.last = nn.Linear(INPUTS, HIDDEN), last
        self.shape, self.relu = shape, relu

    def forward(self, records):
        return self.last(self.relu(self.first(self.shape(records))))


def ways():
    """The same network in many ways, all with the same weights and a last bias of zeros."""
    torch.manual_seed(5)
    first, last = nn.Linear(INPUTS, HIDDEN), nn.Linear(HIDDEN, 2)
    nn.init.zeros_(last.bias)

    def plain():
        return nn.Linear(HIDDEN, 2)

    made = {
        "sequential": nn.Sequential(nn.Flatten(), nn.Linear(INPUTS, HIDDEN), nn.ReLU(), plain()),
        "nested": Nested(plain()),
        "functional relu": Functional(plain(), lambda x: x.flatten(1), F.relu),
        "view": Functional(plain(), lambda x: x.view(x.size(0), -1), torch.relu),
        "reshape": Functional(plain(), lambda x: x.reshape(-1, INPUTS), lambda x: x.relu()),
        "reshaped twice": Functional(plain(), lambda x: x.reshape(-1, 2, 6).flatten(1), F.relu),
        "no bias": Functional(nn.Linear(HIDDEN, 2, bias=False), lambda x: x.flatten(1), F.relu),
        "in place": Functional(plain(), lambda x: torch.flatten(x, 1), lambda x: x.relu_()),
        "ReLU in place": nn.Sequential(nn.Flatten(), nn.Linear(INPUTS, HIDDEN), nn.ReLU(inplace=True), plain()),
        "dropout of 0": nn.Sequential(
            nn.Flatten(), nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Dropout(0.0), plain()
        ),
        "ReLU twice": Functional(plain(), lambda x: x.flatten(1), lambda x: F.relu(F.relu(x))),
    }
    for module in made.values():
        linear = [part for part in module.modules() if isinstance(part, nn.Linear)]
        linear[0].load_state_dict(first.state_dict())
        linear[1].weight.data = last.weight.data.clone()
        if linear[1].bias is not None:
            linear[1].bias.data = last.bias.data.clone()
    return made


def exported(module, shape=SHAPE):
    """An exported program with a free batch."""
    batch = ({0: torch.export.Dim.DYNAMIC},)
    return torch.export.export(module.eval(), (torch.zeros((2, *shape)),), dynamic_shapes=batch)
