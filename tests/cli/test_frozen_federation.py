"""What proofs say of a hospital behind a frozen network: that it trained on what it enrolled, and no more."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx")

from proofward.cli.kit.records.data_file import DataFile
from proofward.cli.project.consortium_file.reading import read_project
from proofward.cli.run.simulate import plan_of_project, read_tables
from proofward.engines.attacks.forger import Cheat
from proofward.engines.attacks.hospitals import _Forges
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.parties.auditor import Auditor
from tests.cli.own_images import write_folders
from tests.cli.test_frozen_part import write_frozen

pytestmark = pytest.mark.slow

LIAR = "d"


class TrainsOnOtherFeatures(_Forges):
    """Enrols what the frozen network made, and trains on something else."""

    def cheat(self, statement, known, rng):
        """Features as another network might make them."""
        return Cheat(features=np.roll(known.features, 1, axis=1))


def write_with_liar(folder):
    """consortium.toml of four hospitals."""
    path = write_frozen(folder)
    path.write_text(path.read_text() + f'[[site]]\nname = "{LIAR}"\nroles = ["hospital"]\n')
    return path


def write_private(folder):
    """The same with epsilon and delta."""
    path = write_with_liar(folder)
    text = path.read_text().replace("clip_bound = 2\n", "full_batch = true\n").replace("steps = 2", "steps = 1")
    text = text.replace("batch = 8", "batch = 16")
    table = "[privacy]\nepsilon = 8\ndelta = 0.01\nreleases = 1\n[model]"
    path.write_text(text.replace("[model]", table))
    return path


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    """Plan and records of four hospitals."""
    folder = tmp_path_factory.mktemp("federation")
    path = write_with_liar(folder)
    project = read_project(path)
    plan = plan_of_project(project, path)
    paths = write_folders(folder)
    files = dict(zip("abcd", map(DataFile, [*paths, paths[0]]), strict=True))
    tables = read_tables(project, plan.config, files)
    return plan, {name: (table.records.features, table.records.labels) for name, table in tables.items()}


def run(folder, consortium, changed=None, parties=None):
    """(engine, culprits, failed checks of the audit) of a federation in which some hold other records."""
    plan, records = consortium
    engine = InProcessFederation(folder, plan, {**records, **(changed or {})}, seed=b"s", parties=parties or Parties())
    result = engine.run()
    assert result.finished
    failed = [own.check for own in Auditor(folder / "ledger", RelationProofs()).run() if not own.passed]
    accepted = engine.aggregator.history.closed[0].accepted.record.hospitals
    return {fault.culprit for fault in result.faults}, failed, accepted


def test_training_on_other_features_than_were_enrolled_is_refused(tmp_path, consortium):
    culprits, failed, accepted = run(tmp_path, consortium, parties=Parties({LIAR: TrainsOnOtherFeatures}))
    assert (culprits, failed, set(accepted)) == ({LIAR}, [], {"a", "b", "c"})


def test_with_noise_nobody_trains_on_other_features_either(tmp_path, consortium):
    """With [privacy] a head behind the frozen network takes one clipped and noised step a round."""
    records = consortium[1]
    path = write_private(tmp_path)
    plan = plan_of_project(read_project(path), path)
    liar = Parties({LIAR: TrainsOnOtherFeatures})
    culprits, failed, accepted = run(tmp_path / "run", (plan, records), parties=liar)
    assert (culprits, failed, set(accepted)) == ({LIAR}, [], {"a", "b", "c"})
    assert plan.config.privacy and plan.config.training.full_batch


def test_enrolling_other_features_is_not_seen(tmp_path, consortium):
    """As pixels that nobody took would not be: where records come from is beyond any proof."""
    features, labels = consortium[1][LIAR]
    culprits, failed, accepted = run(tmp_path, consortium, {LIAR: (np.roll(features, 1, axis=1), labels)})
    assert (culprits, failed, set(accepted)) == (set(), [], {"a", "b", "c", "d"})
