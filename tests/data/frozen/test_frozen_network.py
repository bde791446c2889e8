"""A frozen network is exact in plain integers, has one encoding, and is refused where sums would not be."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from proofward.data.frozen.network import FORMAT, FrozenNetwork, to_values
from proofward.data.frozen.nodes import Add, Convolution, Linear, Max, Rectify
from proofward.data.frozen.weights import LIMIT, Weights
from proofward.data.frozen.windows import Windows
from proofward.encoding.cbor import decode_item, encode_item
from proofward.layers.basics.errors import ConfigurationError
from tests.data.frozen import plain
from tests.data.frozen.making import SHAPE, network, pictures

KNOWN = "4780a93e062ba36b754b47f6d9fc3353fa8ff201078fd7b38b63fb16f1e9b3e6"
"""Of the outputs of the network below: the same on every machine."""
ONE = Windows((1, 1), (1, 1))


@pytest.mark.parametrize(("share", "most"), [(1.0, LIMIT), (1.0, 1 << 14), (2**-10, LIMIT), (2**-12, 1 << 16)])
def test_it_computes_what_plain_integers_do(share, most):
    made = network(share=share)
    given = pictures(count=3, most=most)
    found = made.features(given)
    assert found.shape == (3, 5) and found.tolist() == [plain.features(made, own) for own in given.astype(np.int64)]


def test_sums_at_the_bound_are_exact():
    """Values of largest magnitude, and weights and a bias whose sum is 2^52."""
    inputs = 1000
    random = np.random.default_rng(4)
    values = random.integers(1, 1000, (1, inputs))
    values[0, 0] += (1 << 24) - values.sum() - 1
    for bias in (LIMIT, -LIMIT, LIMIT - 1):
        layer = Weights(values.astype(np.int32), np.array([bias]), 24)
        made = FrozenNetwork((1, 1, inputs), (Linear((0,), layer),))
        for picture in (np.full((1, 1, 1, inputs), LIMIT), random.integers(-LIMIT, LIMIT, (1, 1, 1, inputs))):
            assert made.features(picture.astype(np.float64))[0].tolist() == plain.features(made, picture[0])
    with pytest.raises(ConfigurationError, match="2\\^52"):
        Weights(values.astype(np.int32), np.array([LIMIT + 1]), 24)
    with pytest.raises(ConfigurationError, match="2\\^52"):
        Weights(np.array([[1]], np.int32), np.array([-(2**63)]), 24)


def test_many_pictures_are_as_one_by_one():
    made, given = network(share=2**-10), pictures(count=7)
    whole = made.features(given)
    assert np.array_equal(np.concatenate([made.features(own[None]) for own in given]), whole)


def test_encoding_and_outputs_are_known():
    made = network(share=2**-10)
    again = FrozenNetwork.from_bytes(made.data)
    assert again.data == made.data and again.digest == made.digest == hashlib.sha256(made.data).digest()
    outputs = again.features(pictures()).astype("<i8").tobytes()
    assert hashlib.sha256(made.data + outputs).hexdigest() == KNOWN


def test_real_numbers_become_values():
    assert to_values([0.0, 1.5 / (1 << 14), -2.5 / (1 << 14), 1e9, -1e9]).tolist() == [0, 2, -2, LIMIT, -LIMIT]


def changed(change):
    """The encoding with something changed in its items."""
    version, shape, nodes = decode_item(network().data)
    items = [version, list(shape), [dict(node) for node in nodes]]
    change(items)
    return encode_item(items)


def put(number, name, value):
    def change(items):
        items[2][number][name] = value

    return change


def drop(number, name):
    return lambda items: items[2][number].pop(name)


def at(place, value):
    def change(items):
        items[place] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (at(0, "proofward/frozen-network/v0"), FORMAT),
        (at(1, [2, 7]), "a shape"),
        (at(1, [2, 7, 0]), "a shape"),
        (at(1, [1 << 20, 1 << 20, 1]), "a shape"),
        (at(1, [3, 7, 6]), "2 channels"),
        (at(1, [2, 1, 1]), "weights of 4 values"),
        (put(4, "kernel", [9, 9]), "pictures of at least"),
        (at(2, []), "1 to 4096 nodes"),
        (at(2, ["conv"]), "nodes of the kinds"),
        (put(1, "kind", "sigmoid"), "nodes of the kinds"),
        (put(1, "sources", [2]), "values from before"),
        (put(1, "sources", [-1]), "values from before"),
        (put(1, "sources", [True]), "values from before"),
        (put(3, "sources", [3]), "values from before"),
        (put(3, "sources", [0, 1]), "two values of the shape"),
        (put(1, "most", 0), "an end in"),
        (put(1, "most", LIMIT + 1), "an end in"),
        (drop(1, "most"), "an end in"),
        (put(1, "least", 0), "the canonical encoding"),
        (put(0, "groups", 3), "in equal groups"),
        (put(0, "groups", None), "in equal groups"),
        (put(0, "groups", 1), "1 channels"),
        (put(0, "kernel", [2, 3]), "weights of its windows"),
        (put(0, "kernel", [3]), "two sizes"),
        (put(0, "kernel", 3), "kernel, stride and padding"),
        (put(0, "stride", [0, 1]), "sizes and strides"),
        (put(0, "padding", [3, 0, 0, 0]), "a padding below"),
        (put(0, "padding", [-1, 0, 0, 0]), "a padding below"),
        (put(0, "bits", 5), "6 to 24"),
        (put(0, "bits", 25), "6 to 24"),
        (put(0, "shape", [4, 1, 3, 3]), "as many integers"),
        (put(0, "shape", [4, 1, -3, -2]), "as many integers"),
        (put(0, "weight", b"\xff\xff\xff\x7f" * 24), "2^52"),
        (put(0, "weight", b"\0\0\0\x80" * 24), "2^52"),
        (put(0, "bias", b"\0\0\0\0\0\0\0\x80" * 4), "2^52"),
        (put(0, "bias", b"\0" * 24), "as many integers"),
        (put(6, "shape", [24, 5]), "as many integers"),
        (put(6, "sources", [0]), "weights of 84 values"),
        (put(4, "sources", [7]), "values from before"),
        (put(4, "sources", [[4]]), "values from before"),
        (put(3, "sources", [1, 1]), "value 3, which none does"),
    ],
)  # fmt: skip
def test_other_bytes_are_refused(change, words):
    with pytest.raises(ConfigurationError) as refused:
        FrozenNetwork.from_bytes(changed(change))
    assert words in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"no network", network().data[:-1], network().data + b"\0"])
def test_what_is_no_encoding_is_refused(data):
    with pytest.raises(ConfigurationError, match="frozen network"):
        FrozenNetwork.from_bytes(data)


def test_networks_beyond_the_limits_are_refused(monkeypatch):
    small = Weights(np.ones((1, 1, 1, 1), np.int32), np.zeros(1, np.int64), 10)
    with pytest.raises(ConfigurationError, match="values at a time"):
        FrozenNetwork((1, 4096, 4096), (Max((0,), Windows((64, 64), (1, 1))),))
    with pytest.raises(ConfigurationError, match="1 to 65536 features"):
        FrozenNetwork((1, 512, 512), (Rectify((0,)),))
    chain = tuple(Rectify((at,)) for at in range(6))
    kept = (*chain, *(Add((5 - at, 6 + at)) for at in range(6)))
    assert FrozenNetwork((1, 16, 16), chain).held == 256 and FrozenNetwork((1, 16, 16), kept).held == 6 * 256
    monkeypatch.setattr("proofward.data.frozen.network.MOST_MET", 6 * 256)
    assert FrozenNetwork((1, 16, 16), chain).at_a_time == (1 << 23) // 256
    with pytest.raises(ConfigurationError, match="1536 values that its nodes meet"):
        FrozenNetwork((1, 16, 16), kept)
    monkeypatch.setattr("proofward.data.frozen.network.MOST_PRODUCTS", 15)
    with pytest.raises(ConfigurationError, match="multiplications"):
        FrozenNetwork((1, 4, 4), (Convolution((0,), small, ONE),))
    with pytest.raises(ConfigurationError, match="two values"):
        FrozenNetwork(SHAPE, (Max((0,), Windows((2, 2), (1, 1))), Add((0, 1))))
    with pytest.raises(ConfigurationError, match="pictures"):
        FrozenNetwork(SHAPE, (Linear((0,), Weights(np.ones((3, 84), np.int32), np.zeros(3, np.int64), 10)),
                              Convolution((1,), small, ONE)))  # fmt: skip
