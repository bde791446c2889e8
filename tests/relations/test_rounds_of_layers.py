"""Rounds of networks with groups and means are accepted, and encrypt the update of their training."""

from __future__ import annotations

import pytest

from tests.relations.cases import config, make_case
from tests.relations.test_round import HEAD, chain, check_round, conv, dense

pytestmark = pytest.mark.slow

ADD = {"kind": "add", "from": 1}
MEAN, WHOLE = {"kind": "relu_avgpool2d"}, {"kind": "relu_global_avgpool"}
ROW = {"kind": "add", "from": "row", "by": dense(3)}
SHAPES = {
    "grouped convolutions": (
        (4, 6, 5), [conv(8, 3, 2, 1, groups=2), conv(4, 2, 1, 1, groups=4), dense(3)], dict(steps=3)
    ),
    "depthwise convolutions of three channels": (
        (3, 5, 4), [conv(6, 3, 1, 1, groups=3), conv(6, 2, 2, 0, groups=3)], dict(batch=2, steps=2)
    ),
    "one step of a grouped convolution": ((2, 4, 4), [conv(4, 2, 1, 0, groups=2)], dict(steps=1)),
    "groups of three channels": (
        (6, 4, 3), [conv(9, 3, 2, 1, groups=3), conv(6, 2, 1, 0, groups=3), dense(3)], dict(batch=2, steps=3)
    ),
    "means of windows": ((2, 5, 6), [conv(3, 2, 1, 0), MEAN, conv(2, 2, 1, 1)], dict(steps=3)),
    "means of windows and of a picture": (
        (1, 8, 4), [conv(2, 3, 1, 1), MEAN, conv(3, 3, 1, 1), WHOLE, dense(3)], dict(steps=2)
    ),
    "means of grouped convolutions": (
        (2, 4, 8), [conv(4, 3, 1, 1, groups=2), MEAN, conv(4, 1, 1, 0, groups=4), MEAN], dict(steps=2)
    ),
    "shortcuts of means, pools and layers": (
        (1, 8, 8), [conv(2, 3, 1, 1), MEAN, conv(2, 3, 1, 1), conv(2, 3, 1, 1), {**ADD, "by": conv(2, 1, 1, 0)}, MEAN,
                    conv(2, 3, 1, 1), {**ADD, "from": 3}, {"kind": "relu_maxpool2d"}], dict(batch=2, steps=2)
    ),
    "means of 9 and 6 with shortcuts": (
        (1, 5, 8), [conv(2, 2, 1, 1), {**MEAN, "size": 3}, conv(2, 1, 1, 0), ADD, conv(2, 3, 1, 1), {**ADD, "by": conv(2, 1, 1, 0)}, WHOLE],
        dict(batch=2, steps=2)
    ),
    "shortcuts in front of a mean": (
        (2, 4, 4), [conv(2, 3, 1, 1), {**ADD, "from": 0}, conv(2, 3, 1, 1), ADD, WHOLE], dict(batch=2, steps=2)
    ),
    "shortcuts of rows": ((5,), [dense(4), {**ADD, "from": 0, "by": dense(4)}, dense(4), ADD], dict(steps=3)),
    "a row in the fourth plane": (
        (3, 4, 4), [conv(2, 3, 1, 1), {"kind": "relu_maxpool2d"}, dense(3), ROW, dense(4)], dict(row=5, steps=3)
    ),
    "a row in a picture's padding": ((1, 6, 6), [conv(2, 3, 1, 1), MEAN, dense(3), ROW], dict(row=3, steps=2)),
    "a row behind a mean, and a shortcut": (
        (1, 4, 4), [conv(3, 3, 1, 1), {**ADD, "from": 0, "by": conv(3, 1, 1, 0)}, WHOLE, dense(3), ROW], dict(row=30, steps=2)
    ),
    "a row joins twice": ((5,), [dense(3), ROW, dense(3), ADD, dense(3), ROW], dict(row=2, batch=2, steps=2)),
    "a mean, and an update that is clipped": ((1, 4, 4), [conv(2, 3, 1, 1), WHOLE], dict(steps=2, clip=80, rate=64)),
    "a mean of 12, and an update that is clipped": ((1, 3, 4), [conv(2, 3, 1, 1), WHOLE], dict(steps=2, clip=80, rate=64)),
    "means of 9, leading bits of the update": (
        (1, 6, 6), [conv(2, 3, 1, 1), {**MEAN, "size": 3}], dict(steps=3, rate=1 << 12, clip=1 << 11)
    ),
    "a mean, leading bits of the update": (
        (1, 8, 8), [conv(2, 3, 1, 1), MEAN], dict(steps=3, rate=1 << 12, clip=1 << 11)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_accepts_an_honest_round(name: str) -> None:
    axes, layers, rest = SHAPES[name]
    row = rest.get("row", 0)
    rules = {key: value for key, value in rest.items() if key != "row"}
    made = make_case(config(network=chain(axes, [*layers, HEAD], row), **rules), rows=5)
    check_round(made)
    assert ("leading bits" in name) == (made.statement.rule.dropped_bits > 0)
