"""A file of `torch.export.save`, made harmless before torch reads it.

torch itself says of `torch.export.load` that it must not read files from strangers: it unpickles example
inputs and some constants, evaluates expressions in text and compiles guards. Here the file is taken apart
first. What is passed on to torch is written anew: the list of operators, with targets of ATen alone, without
guards, metadata and example inputs, and weights as raw numbers. Anything else is refused.

torch writes the program as Python source and runs that, with names of the file as they stand: those of
inputs, of weights, of arguments. So every text that is passed on is a name, of letters, digits and dots, or
is checked by itself.
"""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofward.ledger.reading import NotReadable, read_regular
from proofward.models.graph.parts.refusals import CONTROL, ImportRefused

MAX_BYTES = 1 << 31
SAMPLE, MODEL = "data/sample_inputs/model.pt", "models/model.json"
WEIGHTS, CONSTANTS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
PLAIN = ("archive_format", "archive_version", "byteorder", ".data/version", ".data/serialization_id")
CONTAINERS = (None, "builtins.tuple", "builtins.list", "builtins.dict")
_WEIGHT = re.compile(r"data/weights/weight_\d+", re.ASCII)
_NAME = re.compile(r"((?!__)\w+(\.(?!__)\w+)*)?", re.ASCII)
_OTHER_TEXTS = ("target", "expr_str", "in_spec", "out_spec")
"""Of these each has a rule of its own."""
_SYMBOL = re.compile(r"s\d{1,9}|Symbol\('s\d{1,9}'(, positive=True)?, integer=True\)", re.ASCII)
_TARGET = re.compile(r"torch\.ops\.aten\.\w+\.\w+|_operator\.(mul|add|sub|floordiv|ge|le|eq)", re.ASCII)


def vetted(path: Path) -> bytes:
    """An archive of the same program in which torch finds nothing to unpickle or execute."""
    try:
        held = read_regular(path, MAX_BYTES, follow=True)
        return _rewritten(held, path)
    except NotReadable as error:
        raise ImportRefused([f"{path}: expected {error.expected}, found {error.actual}"]) from error
    except (
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        RecursionError,
        NotImplementedError,
    ) as error:
        if isinstance(error, ImportRefused):
            raise
        words = "expected a program that torch.export.save wrote"
        raise ImportRefused([f"{path}: {words}: {type(error).__name__}"]) from error


def _rewritten(held: bytes, path: Path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(held)) as archive:
        names = {name.partition("/")[2]: name for name in archive.namelist()}
        if sum(entry.file_size for entry in archive.infolist()) > len(held):
            raise ImportRefused([f"{path}: a compressed archive: torch.export.save writes none"])
        if MODEL not in names:
            pickled = "data.pkl" in names
            words = "pickled, which can execute code" if pickled else "no exported program"
            remedy = "write it with torch.export.save(torch.export.export(...))"
            raise ImportRefused([f"{path}: {words}: {remedy}"])
        other = [
            name for name in names
            if name not in (*PLAIN, SAMPLE, MODEL, WEIGHTS, CONSTANTS) and not _WEIGHT.fullmatch(name)
            and not name.startswith("extra/")
        ]  # fmt: skip
        if other:
            words = f"{', '.join(sorted(other))[:200]}: constants and objects are not read"
            raise ImportRefused([f"{path}: {words}"])
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as out:
            for name in sorted(set(names) - {"extra"}):
                if name.startswith("extra/"):
                    continue
                data = archive.read(names[name])
                if name == SAMPLE:
                    data = b""
                elif name == MODEL:
                    data = _program(json.loads(data), path)
                elif name in (WEIGHTS, CONSTANTS):
                    sizes = {own: archive.getinfo(whole).file_size for own, whole in names.items()}
                    data = _payload(json.loads(data), sizes, path)
                out.writestr(f"program/{name}", data)
    return made.getvalue()


def _payload(config: Any, sizes: Mapping[str, int], path: Path) -> bytes:
    """sizes: in bytes, of all members by name."""
    for name, entry in config["config"].items():
        member = f"data/weights/{entry['path_name']}"
        if entry["use_pickle"] is not False or not _WEIGHT.fullmatch(member):
            raise ImportRefused([f"{path}: {name!r:.80} is pickled or no weight, and is not read"])
        claimed = math.prod(size["as_int"] for size in entry["tensor_meta"]["sizes"])
        if claimed > sizes[member]:
            words = f"{name!r:.80} has {claimed} values in {sizes[member]} bytes"
            raise ImportRefused([f"{path}: {words}: write weights that are expanded as they are"])
    _check_text(config, path)
    return json.dumps(config).encode()


def _program(program: Any, path: Path) -> bytes:
    graph = program["graph_module"]["graph"]
    for node in graph["nodes"]:
        node["metadata"] = {}
    program["guards_code"] = []
    program["torch_version"] = ""
    _check_text(program, path)
    return json.dumps(program).encode()


def _check_text(value: Any, path: Path) -> None:
    """torch evaluates every `expr_str` as an expression: only names of sizes are passed on.

    All other texts are names. Graphs within the graph, and objects, are refused, as is what makes torch
    import modules.
    """
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            _check_name(item, path)
        elif isinstance(item, dict):
            other = {"as_graph", "as_custom_obj", "as_operator"} & item.keys()
            if other:
                raise ImportRefused([f"{path}: {other.pop()[3:]}: {CONTROL}"])
            if not _TARGET.fullmatch(target := str(item.get("target", "_operator.eq"))):
                words = f"operator {target!r:.80}: expected ATen's alone"
                raise ImportRefused([f"{path}: {words}; {CONTROL}"])
            for name in ("in_spec", "out_spec"):
                _check_structure(json.loads(item.get(name, "[1, null]")), path)
            text = item.get("expr_str", "s0")
            if not _SYMBOL.fullmatch(str(text)):
                raise ImportRefused([f"{path}: a size {text!r:.80}: only the batch may be free"])
            stack += item
            stack += [own for name, own in item.items() if name not in _OTHER_TEXTS]
        elif isinstance(item, list):
            stack += item


def _check_name(text: str, path: Path) -> None:
    if not _NAME.fullmatch(text):
        raise ImportRefused([f"{path}: a name {text!r:.80}: expected letters, digits, _ and dots between"])


def _check_structure(spec: Any, path: Path) -> None:
    """How inputs and outputs are nested: in tuples, lists and dictionaries with plain keys."""
    stack = [spec[1]]
    while stack:
        item = stack.pop()
        if item is None:
            continue
        context = json.loads(item["context"] or "null")
        keys = context is None or all(isinstance(key, str) and _NAME.fullmatch(key) for key in context)
        if item["type"] not in CONTAINERS or not keys or isinstance(context, dict):
            words = f"inputs or outputs in a {item['type']!r:.80}: expected one tensor each"
            raise ImportRefused([f"{path}: {words}"])
        stack += item["children_spec"]
