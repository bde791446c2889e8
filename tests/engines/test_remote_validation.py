"""A federation beside validation parts over `engines/remote` has the order, parts and model of one in process."""

from __future__ import annotations

import pytest

from proofward.engines.in_process import InProcessFederation
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.terms import Terms
from tests.engines.remote_harness import SEED, Consortium
from tests.federation.fakes import FakeProofs
from tests.federation.test_validation_part import validated

pytestmark = pytest.mark.slow


def test_sites_and_one_process_make_the_same_model(tmp_path):
    agreed, data = validated(3, 2)
    engine = InProcessFederation(tmp_path / "here", agreed, data, seed=SEED, proofs=FakeProofs())
    here = engine.run()
    assert here.finished
    with Consortium(tmp_path / "apart", agreed) as consortium:
        assert Terms.from_bytes(consortium.terms.data).round_config == agreed.config
        for name, (features, labels, patients) in data.items():
            home = Home(tmp_path / "apart" / name / "home")
            assert home.patients(name) is None
            home.save_dataset(name, features, labels, patients)
            assert (home.patients(name) == patients).all()
        consortium.start()
        consortium.join()
        history = consortium.host.aggregator.history
        assert (consortium.weights() == here.weights).all() and history.refusals == []
        assert history.validation_beacons == engine.aggregator.history.validation_beacons
        assert consortium.audit() == []
