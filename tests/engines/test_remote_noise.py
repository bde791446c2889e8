"""A federation over `engines/remote` with noise: commitments arrive before the beacons, and nobody is refused."""

from __future__ import annotations

import pytest

from tests.engines.remote_harness import Consortium, agreement
from tests.federation.private_plans import made_private

pytestmark = pytest.mark.slow


def test_remote_hospitals_commit_to_their_noise_in_time(tmp_path):
    agreed = made_private(agreement(verifiers=1))
    with Consortium(tmp_path, agreed) as consortium:
        consortium.start()
        consortium.join()
        history = consortium.host.aggregator.history
        assert len(history.closed) == 2 and history.refusals == []
        assert set(history.noise_roots) == {(number, name) for number in (1, 2) for name in agreed.hospitals}
        assert all(set(agreed.hospitals) <= set(state.participants) for state in history.closed)
        assert consortium.audit() == []
