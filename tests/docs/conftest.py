"""What the tests that run the documents' blocks share."""

from __future__ import annotations

import pytest

from tests.docs.sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path) -> Sandbox:
    return Sandbox(tmp_path)
