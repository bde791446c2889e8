"""The rule of a consortium's images: its canonical form, and what it refuses."""

from __future__ import annotations

import json

import pytest

from proofward.data.images.contract.rule import ImageRule
from proofward.layers.basics.errors import ConfigurationError

RULE = ImageRule(64, 48, 3, window="fixed", window_centre=-600, window_width=1500, resampling="bilinear", fit="pad")


def test_canonical_form_goes_there_and_back():
    plain = json.loads(json.dumps(RULE.canonical()))
    assert ImageRule.from_canonical(plain) == RULE and RULE.shape == (3, 64, 48)
    assert ImageRule.from_canonical(plain).digest() == RULE.digest()


def test_the_digest_is_fixed():
    """Sites of different releases compare it."""
    assert ImageRule(64, 64).digest().hex() == (
        "6e64f7fe29a2e8795b7a74bf76f4ad2313e3389ac9d4301c70fa254b6624bb7e"
    )


@pytest.mark.parametrize("name", sorted(RULE.canonical()))
def test_every_field_changes_the_digest(name):
    other = {"height": 65, "width": 49, "channels": 1, "window": "full", "window_centre": 1, "window_width": 7,
             "resampling": "area", "fit": "crop"}  # fmt: skip
    plain = {**RULE.canonical(), name: other[name]}
    if name == "window":
        plain |= {"window_centre": 0, "window_width": 0}
    assert ImageRule.from_canonical(plain).digest() != RULE.digest()


@pytest.mark.parametrize(
    ("name", "value"),
    [("height", 0), ("height", 4097), ("width", -1), ("width", 2.5), ("width", True), ("channels", 2), ("channels", 4),
     ("window", "auto"), ("resampling", "cubic"), ("fit", ""), ("window_width", 0), ("window_centre", 1 << 40)],
)  # fmt: skip
def test_refuses(name, value):
    with pytest.raises(ConfigurationError):
        ImageRule.from_canonical({**RULE.canonical(), name: value})


@pytest.mark.parametrize("wrong", [{"height": 8}, {**RULE.canonical(), "sharpness": 1}])
def test_refuses_other_names(wrong):
    with pytest.raises(ConfigurationError, match="image rule"):
        ImageRule.from_canonical(wrong)


def test_a_window_only_where_it_is_fixed():
    with pytest.raises(ConfigurationError, match="window_width"):
        ImageRule(8, 8, window="full", window_width=10)
