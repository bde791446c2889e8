"""ONNX files that are made to cost more than they hold, or to break a reader: each is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
from onnx import helper, numpy_helper  # noqa: E402

from proofward.models.graph.frozen.file import read_frozen_network  # noqa: E402
from proofward.models.graph.onnx import runs as onnx_runs  # noqa: E402
from proofward.models.graph.onnx.from_onnx import from_onnx, read_file  # noqa: E402
from proofward.models.graph.parts.refusals import ImportRefused  # noqa: E402
from tests.models.backbones import NODE, write_backbone  # noqa: E402

CONV = NODE("Conv", ["x", "k1", "c1"], ["s"], strides=[2, 2], pads=[1, 1, 1, 1])
FLAT = NODE("Flatten", ["q"], ["y"])
ROWS = {name: np.array(own) for name, own in
        {"down": [-1, 256, 1], "across": [-1, 1, 256], "one": [], "ends": [1.0, 2.0], "word": np.array(b"x", object)}.items()}  # fmt: skip


def squares(source: str, made: str) -> list[onnx.NodeProto]:
    """A table of all sums of two of 256 values."""
    rows = [NODE("Reshape", [source, name], [f"{made}-{name}"]) for name in ("down", "across")]
    return [*rows, NODE("Add", [f"{made}-down", f"{made}-across"], [made])]


def with_batch(path, size):
    file = onnx.load(write_backbone(path))
    for entry in (file.graph.input[0], file.graph.output[0]):
        entry.type.tensor_type.shape.dim[0].dim_value = size
    onnx.save(file, path)
    return path


@pytest.mark.parametrize("size", [1 << 20, 1 << 40])
def test_a_batch_that_fits_into_no_memory_is_refused(tmp_path, size):
    with pytest.raises(ImportRefused, match=f"a batch of {size}, of which values are {384 * size}"):
        read_frozen_network(with_batch(tmp_path / "b.onnx", size))
    assert read_frozen_network(with_batch(tmp_path / "b.onnx", 3)).outputs == 6


def test_what_the_output_does_not_need_is_neither_read_nor_run(tmp_path):
    """Without being left out the sums would have 2^16 values, and theirs 2^32."""
    path = write_backbone(tmp_path / "b.onnx")
    honest = read_frozen_network(path).digest
    file = onnx.load(path)
    file.graph.node.extend([*squares("x", "large"), NODE("Sigmoid", ["large"], ["unread"])])
    file.graph.initializer.extend(numpy_helper.from_array(ROWS[name], name) for name in ("down", "across"))
    onnx.save(file, path)
    assert read_frozen_network(path).digest == honest
    assert "Sigmoid" not in [node.op_type for node in read_file(path, 1 << 24).graph.node]


def test_sums_that_are_larger_than_either_addend_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("proofward.models.graph.onnx.from_onnx.MOST_VALUES", 1 << 15)
    monkeypatch.setattr(onnx_runs, "_session", lambda file: pytest.fail("it is run"))
    nodes = [*squares("x", "q"), FLAT]
    with pytest.raises(ImportRefused, match="of which values are 65536: expected at most 32768"):
        read_frozen_network(write_backbone(tmp_path / "b.onnx", nodes, outputs=1 << 16, more=ROWS))


def test_functions_that_call_one_another_are_not_gone_through(tmp_path):
    """Thirty of them, each of which calls the one before twice, are 2^30 calls."""
    path = write_backbone(tmp_path / "b.onnx")
    file = onnx.load(path)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for number in range(30):
        called = {"op_type": f"f{number - 1}", "domain": "own"} if number else {"op_type": "Relu"}
        body = [NODE(inputs=[a], outputs=[b], **called) for a, b in (("a", "b"), ("b", "c"))]
        file.functions.append(helper.make_function("own", f"f{number}", ["a"], ["c"], body, sets))
    file.opset_import.append(sets[1])
    file.graph.node[-1].input[0] = "called"
    file.graph.node.insert(len(file.graph.node) - 1, NODE("f29", ["w"], ["called"], domain="own"))
    onnx.save(file, path)
    for read in (read_frozen_network, from_onnx):
        with pytest.raises(ImportRefused, match=r"own\.f29: only ONNX's own operators are read"):
            read(path)


BROKEN = {
    "ends that are several": ([CONV, NODE("Clip", ["s", "zero", "ends"], ["q"]), FLAT], {}, "Clip to"),
    "an end that is a word": ([CONV, NODE("Clip", ["s", "zero", "word"], ["q"]), FLAT], {}, "numbers of type object"),
    "a bias of another shape": (
        [NODE("Conv", ["x", "k1", "k1"], ["q"], strides=[2, 2], pads=[1, 1, 1, 1]), FLAT], {}, "no network that can be read"),
    "an argument that is computed": (
        [CONV, NODE("Identity", ["at"], ["i"]), NODE("Unsqueeze", ["s", "i"], ["q"]), FLAT],
        {"at": np.array([2])}, "Identity makes what only a constant, or a source of values, may be"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_reader_is_refused(tmp_path, name):
    nodes, more, words = BROKEN[name]
    with pytest.raises(ImportRefused, match=words):
        read_frozen_network(write_backbone(tmp_path / "b.onnx", nodes, outputs=384, more={**ROWS, **more}))


def test_weights_that_many_layers_share_count_for_each(tmp_path, monkeypatch):
    monkeypatch.setattr("proofward.models.graph.parts.weights_read.MOST_WEIGHTS", 100)
    nodes = [CONV, *(NODE("Conv", [f"s{n}" if n else "s", "k2"], [f"s{n + 1}"], pads=[1] * 4) for n in range(2))]
    with pytest.raises(ImportRefused, match="more than 100 weights in all"):
        read_frozen_network(write_backbone(tmp_path / "b.onnx", [*nodes, NODE("Flatten", ["s2"], ["y"])], outputs=384))


def test_too_many_operators_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("proofward.models.graph.onnx.from_onnx.MOST_OPERATORS", 8)
    with pytest.raises(ImportRefused, match="9 operators: expected at most 8"):
        read_frozen_network(write_backbone(tmp_path / "b.onnx"))


def test_names_of_a_file_are_shown_without_what_a_terminal_acts_on(tmp_path):
    node = NODE("Sigmoid", ["s"], ["q"], name="\x1b[2J\nVALID" + "n" * 3000)
    with pytest.raises(ImportRefused) as refused:
        read_frozen_network(write_backbone(tmp_path / "b.onnx", [CONV, node, FLAT], outputs=384))
    (problem,) = refused.value.problems
    assert problem.startswith("\\x1b[2J\\nVALIDnnn") and problem.isprintable() and len(problem) < 2100
