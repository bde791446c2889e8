"""`simulate` and the sites on NVIDIA FLARE give the same bits where their randomness is the same.

Keys, nonces, secrets of beacons and masks are drawn at random by every party, so two runs train on other
batches from another first model. With a seed in their place all of it is equal, and so must the models be.
"""

from __future__ import annotations

import pytest

from proofward.cli.kit.data_file import DataFile
from proofward.cli.project.project_file import read_project
from proofward.cli.run.demo_sites import read_ledger
from proofward.cli.run.simulate import hospital_files, plan_of_project, read_tables
from proofward.engines.in_process import InProcessFederation
from proofward.engines.local import LocalConsortium
from proofward.report.run_audit import RunAudit
from tests.cli.own_tables import write_project, write_tables
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow
pytest.importorskip("nvflare")
SEED = b"the same for both engines"


def test_the_same_bits_in_process_and_on_flare(tmp_path):
    path, files = write_project(tmp_path, rounds=2), write_tables(tmp_path, rows=30)
    project = read_project(path)
    plan = plan_of_project(project, path)
    paths = hospital_files(project, list(map(str, files)))
    tables = read_tables(project, plan.config, {name: DataFile(path) for name, path in paths.items()})
    records = {name: (table.records.features, table.records.labels) for name, table in tables.items()}
    local = LocalConsortium(tmp_path / "consortium")
    local.create(project.terms(), plan.initial_model, records, SEED)
    try:
        local.start_all()
        local.wait(PATIENCE)
    finally:
        local.stop_all()
    rules = local.server.rules
    assert rules is not None
    apart = read_ledger(local.ledger, rules)
    together = InProcessFederation(tmp_path / "run", plan, records, seed=SEED)
    result = together.run()
    assert result.finished and together.rules.data == rules.data
    assert apart.history.model == together.aggregator.history.model
    assert apart.weights.tobytes() == result.weights.tobytes() and apart.weights.any()
    models = [[state.model for state in history.closed] for history in (apart.history, together.aggregator.history)]
    assert models[0] == models[1] and len(set(models[0])) == 2
    assert all(verdict.passed for verdict in RunAudit(local.ledger).run())
