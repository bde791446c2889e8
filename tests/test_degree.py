"""The degree of the extension is known in `field/` and `proof/` alone, so that a larger one touches nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from proofward.field.extension import DEGREE, ELEMENT_BYTES, Ext, elements, lift, zeros
from proofward.field.scalar import P
from tests.sources import nodes_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "proofward"
SOURCES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] not in ("field", "proof")
]
MAKERS = {"zeros", "empty", "ones", "full"}


def first_of(arguments: list[ast.expr]) -> object:
    """The first size that a call asks for, where it is a number."""
    if arguments and isinstance(arguments[0], ast.Tuple):
        arguments = arguments[0].elts
    return arguments[0].value if arguments and isinstance(arguments[0], ast.Constant) else None


def assumptions(nodes: Iterator[ast.AST] | list[ast.AST]) -> Iterator[str]:
    """Where an element of E is made of two words or taken apart, or a table is given two planes."""
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in ("c0", "c1"):
            yield f"line {node.lineno}: .{node.attr}"
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        words = [*map(ast.unparse, node.args), *(ast.unparse(given.value) for given in node.keywords)]
        if name == "Ext" and len(words) > 1:
            yield f"line {node.lineno}: Ext of {len(words)} words"
        if name == "reshape" and first_of(node.args) == 2:
            yield f"line {node.lineno}: reshape to two planes"
        if name in MAKERS and first_of(node.args) == 2 and any("uint64" in word for word in words):
            yield f"line {node.lineno}: {name} of two planes"
        if name == "stack" and any("zeros_like" in word for word in words):
            yield f"line {node.lineno}: a lift of its own"


@pytest.mark.slow
def test_nothing_outside_the_field_and_the_proof_knows_the_degree() -> None:
    found = [f"{path.relative_to(ROOT)} {what}" for path in SOURCES for what in assumptions(nodes_of(path))]
    assert len(SOURCES) > 300 and found == [], "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Ext(low, high)",
        "x = value.c1",
        "table.reshape(2, -1)",
        "table.reshape((2, 4, n))",
        "np.zeros((2, size), dtype=np.uint64)",
        "np.full((2, size), 1, np.uint64)",
        "np.stack([values, np.zeros_like(values)])",
    ],
)
def test_the_search_finds_what_assumes_a_degree(text: str) -> None:
    assert len(list(assumptions(ast.walk(ast.parse(text))))) == 1


@pytest.mark.parametrize("text", ["Ext(0)", "zeros(2, size)", "np.zeros((2, 3))", "table.reshape(DEGREE, 2)"])
def test_the_search_finds_nothing_else(text: str) -> None:
    assert list(assumptions(ast.walk(ast.parse(text)))) == []


def test_elements_and_tables_have_as_many_words_as_the_degree() -> None:
    words = [P - 1 - place for place in range(DEGREE)]
    element = Ext.of_limbs(words)
    assert list(element.limbs) == words and len(element.to_bytes()) == ELEMENT_BYTES
    assert Ext.of_limbs(word + P for word in words) == element
    assert zeros(3).shape == (DEGREE, 3) and zeros(3, 4).shape == (DEGREE, 3, 4)
    lifted = lift(np.array([5], dtype=np.uint64))
    assert elements(lifted) == [Ext(5)] and elements(lifted)[0].limbs == (5, *[0] * (DEGREE - 1))
    for wrong in (words[1:], [*words, 0]):
        with pytest.raises(ValueError, match="values to unpack"):
            Ext.of_limbs(wrong)
