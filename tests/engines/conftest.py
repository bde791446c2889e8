"""What the tests of the engines share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.remembered import remembered_proofs


@pytest.fixture(scope="module")
def remembered() -> Iterator[None]:
    """The auditor of a run looks at the proofs that its verifiers in this process have looked at."""
    with remembered_proofs():
        yield
