"""The package as a library: every name that is exported can be imported, and nothing heavy before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import proofward


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
