"""Compilation is announced when it happens, and only then."""

from __future__ import annotations

import io
from pathlib import Path

import click
from click.testing import CliRunner
from numba import njit
from rich.console import Console

import proofward as proofward_package
from proofward.cli.common import kernels
from proofward.cli.common.expected_kernels import expect_kernels
from proofward.field.jit import Deferred
from proofward.field.warm_up import MODULES


def load(monkeypatch, compile_one: bool, terminal: bool = False) -> str:
    """What is said while a first run's modules are imported."""

    def warm_up(progress):
        for done in range(len(kernels.MODULES)):
            progress("module", done, len(kernels.MODULES))
            if compile_one and done == 3:
                njit("int64(int64)")(lambda x: x + 1)
        progress("ready", len(kernels.MODULES), len(kernels.MODULES))

    said = io.StringIO()
    monkeypatch.setattr(kernels, "warm_up", warm_up)
    monkeypatch.setattr(kernels, "load_all", lambda name: None)
    kernels.load_kernels(Console(file=said, force_terminal=terminal, width=80))
    return said.getvalue()


def test_kernels_from_the_cache_are_no_news(monkeypatch):
    assert load(monkeypatch, compile_one=False) == load(monkeypatch, compile_one=False, terminal=True) == ""


def test_compilation_is_announced_before_it_begins_and_counted(monkeypatch):
    first, *counts, last = load(monkeypatch, compile_one=True).splitlines()
    assert first == kernels.ANNOUNCEMENT
    total = len(kernels.MODULES) + len(kernels.LATER_MODULES)
    done = [line.split(" modules")[0] for line in counts]
    assert done == [f"{done} of {total}" for done in range(4, total + 1)]
    assert last.startswith("kernels compiled in ")


def test_a_terminal_gets_a_bar(monkeypatch):
    said = load(monkeypatch, compile_one=True, terminal=True)
    assert said.startswith(kernels.ANNOUNCEMENT) and "modules" in said and "kernels compiled in" in said


def test_all_modules_with_kernels_are_loaded():
    root = Path(proofward_package.__file__).parent
    known = {f"proofward.field.{name}" for name in MODULES} | set(kernels.LATER_MODULES)
    found = {
        ".".join(("proofward", *path.relative_to(root).with_suffix("").parts))
        for path in root.rglob("*.py")
        if "\n@kernel(" in path.read_text()
    }
    assert found == known


def test_a_command_that_expects_kernels_loads_them_with_the_first_that_it_calls(monkeypatch):
    loaded: list[Console] = []
    monkeypatch.setattr(kernels, "load_kernels", loaded.append)

    @click.command()
    @click.argument("calls", type=int)
    def command(calls: int) -> None:
        expect_kernels()
        for _ in range(calls):
            Deferred(lambda: len, len)("abc")

    for calls in (0, 2):
        CliRunner().invoke(command, [str(calls)], catch_exceptions=False)
        Deferred(lambda: len, len)("abc")  # nobody's any more
        assert len(loaded) == bool(calls)
