"""Exported programs in files: read as the module is, and nothing in them is unpickled or executed."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from proofward.models.graph.parts.refusals import ImportRefused  # noqa: E402
from proofward.models.graph.torch.from_torch import from_pt2, from_torch, read_pt2  # noqa: E402
from proofward.models.graph.torch.pt2_archive import CONSTANTS, MODEL, SAMPLE, WEIGHTS, vetted  # noqa: E402
from proofward.models.graph.torch.runs import twin_of  # noqa: E402
from tests.models.networks import SHAPE, exported, ways  # noqa: E402


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    path = tmp_path_factory.mktemp("programs") / "net.pt2"
    torch.export.save(exported(ways()["view"]), path)
    return path


def changed(program, tmp_path, change):
    """The archive with its members changed, by names without the folder."""
    with zipfile.ZipFile(program) as archive:
        members = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    change(members)
    path = tmp_path / "changed.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"net/{name}", data)
    return path


def document(name, change):
    """A change of one of the archive's JSON documents."""

    def whole(members):
        plain = json.loads(members[name])
        change(plain)
        members[name] = json.dumps(plain).encode()

    return whole


def nodes(plain):
    return plain["graph_module"]["graph"]["nodes"]


def test_the_file_is_the_module(program):
    made, module = from_pt2(program), from_torch(ways()["view"], torch.zeros((1, *SHAPE)))
    assert made.graph == module.graph
    for own, other in zip(made.layers, module.layers, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(own, other, strict=True))


def test_what_torch_gets_has_nothing_to_execute(program):
    with zipfile.ZipFile(io.BytesIO(vetted(program))) as archive:
        assert archive.read(f"program/{SAMPLE}") == b""
        plain = json.loads(archive.read(f"program/{MODEL}"))
    assert plain["guards_code"] == [] and all(node["metadata"] == {} for node in nodes(plain))


class Marks:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_example_inputs_are_not_unpickled(program, tmp_path):
    mark = tmp_path / "executed"
    path = changed(program, tmp_path, lambda members: members.update({SAMPLE: pickle.dumps(Marks(mark))}))
    assert from_pt2(path).graph == from_pt2(program).graph
    assert not mark.exists()
    pickle.loads(pickle.dumps(Marks(mark))).close()
    assert mark.exists(), "it would have"


def test_guards_are_not_compiled(program, tmp_path):
    mark = tmp_path / "executed"
    guard = f"open({str(mark)!r}, 'w')"
    path = changed(program, tmp_path, document(MODEL, lambda plain: plain.update(guards_code=[guard])))
    assert from_pt2(path).graph == from_pt2(program).graph
    assert not mark.exists()


def expression(plain):
    text = json.dumps(plain).replace("Symbol(", "__import__('os').getpid() or Symbol(")
    plain.clear()
    plain.update(json.loads(text))


def structure(kind, context):
    """Inputs in another container, whose context torch would act on."""

    def change(plain):
        signature = plain["graph_module"]["module_call_graph"][0]["signature"]
        signature["in_spec"] = json.dumps([1, {"type": kind, "context": json.dumps(context), "children_spec": []}])

    return change


def renamed(name, old, new):
    """A name of the program, or of its weights, becomes another wherever it stands."""
    return lambda members: members.update({name: members[name].replace(json.dumps(old).encode(), json.dumps(new).encode())})


def as_key(code):
    def change(plain):
        signature = plain["graph_module"]["module_call_graph"][0]["signature"]
        spec = json.loads(signature["in_spec"])
        spec[1]["children_spec"][1]["context"] = json.dumps([code])
        signature["in_spec"] = json.dumps(spec)

    return change


def as_argument(code):
    def change(plain):
        plain["graph_module"]["module_call_graph"][0]["signature"]["forward_arg_names"] = [code]

    return change


def given_name(program):
    with zipfile.ZipFile(program) as archive:
        plain = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith(MODEL))))
    return plain["graph_module"]["graph"]["inputs"][-1]["as_tensor"]["name"]


def test_names_are_not_executed(program, tmp_path):
    """torch makes Python source of a program, in which the names of inputs stand as they are."""
    mark = tmp_path / "executed"
    code = f"x=open({str(mark)!r},'w')"
    whole = renamed(MODEL, given_name(program), code)
    for change in (whole, document(MODEL, as_argument(code)), document(MODEL, as_key(code))):
        with pytest.raises(ImportRefused, match=r"a name|expected one tensor each"):
            from_pt2(changed(program, tmp_path, change))
    assert not mark.exists()
    with pytest.raises(SyntaxError):
        torch.export.load(changed(program, tmp_path, whole)).module()
    assert mark.exists(), "it would have"


ENUM = {"__enum__": True, "fqn": "antigravity:x", "name": "y"}
FACTORY = {"default_factory_module": "antigravity", "default_factory_name": "x", "dict_context": []}


def larger_weights(plain):
    """Of as many values as one likes, all of which are one."""
    meta = next(iter(plain["config"].values()))["tensor_meta"]
    meta.update(sizes=[{"as_int": 1 << 20}] * 2, strides=[{"as_int": 0}] * 2)


def other_shape(plain):
    values = plain["graph_module"]["graph"]["tensor_values"]
    next(own for name, own in values.items() if name.startswith("relu"))["sizes"][1] = {"as_int": 999}


def inner_graph(plain):
    nodes(plain)[0]["inputs"].append({"name": "branch", "arg": {"as_graph": {"name": "g", "graph": {}}}, "kind": 1})


HOSTILE = {
    "weights of more values than bytes": (document(WEIGHTS, larger_weights), "1099511627776 values in"),
    "values of another shape": (document(MODEL, other_shape), r"the program says \(.*999"),
    "a name of the class": (renamed(WEIGHTS, "cpu", "__class__.x"), "a name"),
    "an enumeration": (document(MODEL, structure("builtins.dict", ENUM)), "expected one tensor each"),
    "an enumeration in a list": (document(MODEL, structure("builtins.list", [ENUM])), "expected one tensor each"),
    "a factory": (document(MODEL, structure("collections.defaultdict", FACTORY)), "expected one tensor each"),
    "a graph within the graph": (document(MODEL, inner_graph), "graph: data-dependent control flow"),
    "a pickled weight": (document(WEIGHTS, lambda p: next(iter(p["config"].values())).update(use_pickle=True)), "pickled"),
    "no word on pickling": (document(WEIGHTS, lambda p: next(iter(p["config"].values())).update(use_pickle=None)), "pickled"),
    "a constant": (
        document(CONSTANTS, lambda p: p["config"].update(x={"path_name": "opaque_obj_0", "use_pickle": False})), "no weight"),
    "an object": (lambda m: m.update({"data/constants/custom_obj_0": b"x"}), "custom_obj_0"),
    "weights of before": (lambda m: m.update({"data/weights/model.pt": b"x"}), "data/weights/model.pt"),
    "compiled code": (lambda m: m.update({"data/aotinductor/model/x.so": b"x"}), "x.so"),
    "another operator": (document(MODEL, lambda p: nodes(p)[0].update(target="os.system")), "os.system"),
    "an operator of one's own": (
        document(MODEL, lambda p: nodes(p)[0].update(target="torch.ops.mine.run.default")), "expected ATen's alone"),
    "an expression": (document(MODEL, expression), "only the batch may be free"),
    "no program": (lambda m: m.pop(MODEL), "no exported program"),
    "no JSON": (lambda m: m.update({MODEL: b"{"}), "expected a program"),
    "nothing in it": (lambda m: m.update({MODEL: b"{}"}), "expected a program"),
    "JSON of another kind": (lambda m: m.update({MODEL: b"[]"}), "expected a program"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_rejects_what_could_execute_or_is_damaged(program, tmp_path, name):
    change, said = HOSTILE[name]
    with pytest.raises(ImportRefused, match=said):
        from_pt2(changed(program, tmp_path, change))


def test_rejects_pickled_modules_and_other_files(tmp_path):
    torch.save(nn.Linear(3, 2), tmp_path / "m.pt2")
    with pytest.raises(ImportRefused, match=r"pickled, which can execute code: write it with torch.export.save"):
        from_pt2(tmp_path / "m.pt2")
    (tmp_path / "x.pt2").write_bytes(b"no archive")
    with pytest.raises(ImportRefused, match=r"expected a program that torch.export.save wrote"):
        from_pt2(tmp_path / "x.pt2")
    with pytest.raises(ImportRefused, match=r"nowhere.pt2"):
        from_pt2(tmp_path / "nowhere.pt2")


def test_rejects_a_compressed_archive(program, tmp_path):
    path = tmp_path / "small.pt2"
    with zipfile.ZipFile(program) as held, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in held.namelist():
            out.writestr(name, held.read(name))
        out.writestr("net/extra/zeros", bytes(1 << 20))
    with pytest.raises(ImportRefused, match="compressed"):
        from_pt2(path)


def test_rejects_a_batch_of_one_size(tmp_path):
    fixed = torch.export.export(nn.Linear(3, 2), (torch.zeros(4, 3),))
    torch.export.save(fixed, tmp_path / "fixed.pt2")
    with pytest.raises(ImportRefused, match="a batch of one fixed size: export it with dynamic_shapes"):
        from_pt2(tmp_path / "fixed.pt2")


def test_what_the_output_does_not_need_is_not_run(program, tmp_path):
    def dead(plain):
        graph = plain["graph_module"]["graph"]
        last = json.loads(json.dumps(graph["nodes"][-1]))
        made = last["outputs"][0]["as_tensor"]["name"]
        last["outputs"], last["name"] = [{"as_tensor": {"name": "dead"}}], "dead"
        graph["nodes"].append(last)
        graph["tensor_values"]["dead"] = graph["tensor_values"][made]

    exported_again = read_pt2(changed(program, tmp_path, document(MODEL, dead)))
    assert "dead" in [node.name for node in exported_again.graph.nodes]
    assert "dead" not in [node.name for node in twin_of(exported_again).graph.nodes]
