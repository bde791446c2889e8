"""What all tests share: randomness that is the same in every run and another in every test, and the order."""

from __future__ import annotations

import atexit
import gc
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.remembered import remembered_envelopes, remembered_keys

TESTS = Path(__file__).parent
LONGEST_FIRST = (
    "flare/test_a_site_dies.py",
    "docs/test_deployment.py",
    "flare/test_consortium.py",
    "docs/test_run.py",
    "flare/test_federation.py",
    "flare/test_ends.py",
    "cli/test_server_addresses.py",
    "engines/test_remote.py",
    "engines/test_remote_liar.py",
    "engines/test_remote_resume.py",
    "relations/test_affine_hull.py",
    "relations/test_rejects_saturated_weights.py",
    "relations/test_rejects_forged_weights.py",
    "relations/test_hull_of_saturated_weights.py",
    "cli/test_attacks.py",
    "federation/test_membership.py",
    "engines/test_attacks.py",
    "engines/test_remote_abuse.py",
    "relations/test_rejects_mutants_of_the_witness.py",
    "federation/test_end_by_vote.py",
    "engines/test_verification_pool.py",
    "engines/test_bundle.py",
    "layers/test_long_runs.py",
    "federation/test_games.py",
)
"""Files that take longest. A file is one worker's, so the last to begin must be short ones."""


MEMORY, ENOUGH = Path("/dev/shm"), 8 << 30
"""A file system in memory, and how many bytes have to be free there."""


# No outcome depends on how busy the machine is, and two runs of one commit try the same cases.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_configure() -> None:
    """Makes tests wait less, here and in the processes that they start.

    What Python compiles is kept, since each process imports much. No cycles are sought while all is imported,
    which stays. Temporary files are in memory where there is room and programs may lie there: what has to survive
    a killed process does, and no disk is waited for.
    """
    gc.disable()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("PROOFWARD_SITE_LEDGER", os.path.join(tempfile.mkdtemp(), "enrolled.json"))
    sys.dont_write_bytecode = False
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        found = os.statvfs(MEMORY)
        if found.f_bavail * found.f_frsize >= ENOUGH and not found.f_flag & os.ST_NOEXEC:
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_unconfigure() -> None:
    """Leaves out the last word of colorama, to an output that was a test's and is closed."""
    if (colours := sys.modules.get("colorama.initialise")) is not None:
        atexit.unregister(colours.reset_all)


def pytest_collection_finish() -> None:
    """From here on cycles are sought, among what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def remembered_by_all() -> Iterator[None]:
    """Parties of one process parse and verify an envelope once, and their sites the keys of kits."""
    with remembered_envelopes(), remembered_keys():
        yield


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """A generator seeded with the test's own name."""
    return random.Random(request.node.nodeid)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files first, all else as it was found; whole sweeps only where `-m` names them."""
    if "exhaustive" not in config.option.markexpr:
        sweeps = [item for item in items if item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=sweeps)
        items[:] = [item for item in items if item not in sweeps]
    places = {TESTS / name: place for place, name in enumerate(LONGEST_FIRST)}
    gone = [str(path) for path in places if not path.is_file()]
    if gone:
        raise pytest.UsageError(f"tests/conftest.py names files that are not there: {', '.join(gone)}")
    items.sort(key=lambda item: places.get(item.path, len(places)))
