"""A federation over `engines/remote` whose server's optimizer has a state: members fetch it when they need it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.optimizers.fedadam import FedAdam
from tests.engines.remote_harness import Consortium, agreement

pytestmark = pytest.mark.slow


def test_remote_members_recompute_models_and_states(tmp_path):
    plain = agreement(verifiers=1)
    agreed = replace(plain, config=replace(plain.config, clip_bound=1 << 12, optimizer=FedAdam()))
    with Consortium(tmp_path, agreed) as consortium:
        consortium.start()
        consortium.join()
        history = consortium.host.aggregator.history
        assert len(history.closed) == 2 and history.refusals == [] and len(history.server_state) == 2
        assert consortium.audit() == []
