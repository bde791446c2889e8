"""The package as a library: README's snippet runs, and every name that is exported can be imported."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import proofward

README = (Path(__file__).resolve().parent.parent / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_snippet_of_the_readme_runs():
    assert len(SNIPPETS) == 1 and "proofward.prove_enrolment" in SNIPPETS[0]
    found: dict = {}
    exec(compile(SNIPPETS[0], "README.md", "exec"), found)
    assert len(found["root"]) == 32 and len(found["proof"]) > 1000
    used = set(re.findall(r"proofward\.(\w+)", SNIPPETS[0]))
    assert used <= set(proofward.__all__)


@pytest.mark.parametrize("name", proofward.__all__)
def test_exported_names_exist(name):
    value = getattr(proofward, name)
    assert isinstance(value, str) or value.__doc__
    assert name in dir(proofward)


def test_other_names_do_not():
    with pytest.raises(AttributeError, match="no attribute 'prove_everything'"):
        _ = proofward.prove_everything
    assert proofward.__doc__


def test_nothing_heavy_is_imported_with_the_package():
    code = "import sys, proofward; print({'numpy', 'numba', 'torch', 'onnx'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
