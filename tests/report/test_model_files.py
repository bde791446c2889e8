"""The model's files: read by the library, a pure function of rules and weights."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace

import numpy as np
from safetensors.numpy import load

from proofward.attestation.claims import SNP, TDX
from proofward.attestation.policy import RECORDED
from proofward.engines.run_folder import RunFolder
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from proofward.federation.messages.consortium.declarations import Declarations
from proofward.federation.messages.consortium.scaling import FINGERPRINTS, Scaling
from proofward.layers.networks.network import mlp
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_layout import ScoreLayout
from proofward.relations.scores.stopping import Stopping
from proofward.report.comparing.baselines import first_weights
from proofward.report.demonstrations.scenario import make_scenario
from proofward.report.handover.models.model_files import (
    MODEL_NAME,
    RULES_NAME,
    model_files,
    safetensors_bytes,
    weights_from_safetensors,
    write_files,
)
from tests.attestation.machines import policy


def test_the_library_reads_what_is_written():
    model = mlp((3, 5, 4, 2))
    weights = np.random.default_rng(1).integers(-(1 << 40), 1 << 40, model.parameters, dtype=np.int64)
    tensors = load(safetensors_bytes(model, weights))
    assert len(tensors) == 6
    for index, (matrix, bias) in enumerate(model.unflatten(weights), 1):
        assert (tensors[f"layer{index}.weight"] == matrix).all()
        assert (tensors[f"layer{index}.bias"] == bias).all()


def test_only_what_is_written_here_is_read_again():
    model = mlp((3, 5, 2))
    weights = np.arange(-3, model.parameters - 3, dtype=np.int64)
    data = safetensors_bytes(model, weights)
    assert (weights_from_safetensors(model, data) == weights).all()
    other = safetensors_bytes(mlp((3, 6, 2)), np.zeros(mlp((3, 6, 2)).parameters, np.int64))
    for wrong in (b"", data[:-1], data + b" ", b"x" + data[1:], data[8:], data[-8 * len(weights) :], other):
        assert weights_from_safetensors(model, wrong) is None


def test_every_weight_and_rule_is_in_the_files(tmp_path):
    scenario = make_scenario("tiny", 3, 1, 0)
    rules = RunFolder(tmp_path).rules(scenario.plan)
    weights = first_weights(scenario.setup, 0)
    files = model_files(rules, weights)
    assert set(files) == {MODEL_NAME, RULES_NAME} and files == model_files(rules, weights.copy())
    for position in range(len(weights)):
        other = weights.copy()
        other[position] += 1
        changed = model_files(rules, other)
        assert changed[MODEL_NAME] != files[MODEL_NAME] and changed[RULES_NAME] != files[RULES_NAME]
    description = json.loads(files[RULES_NAME])
    assert description["model"] == hashlib.sha256(weights.astype("<i8").tobytes()).hexdigest()
    names, silent = {entry.name for entry in fields(rules)}, {
        "attestation", "chain", "committees", "counting", "declarations", "scaling", "stopping",
    }  # fmt: skip
    assert names - set(description) == silent
    counting = counting_of(ScoreLayout(2, 2, 1), (2,))
    stopping = Stopping("auc", 0)
    declared = Declarations(purpose=("to count",))
    training = replace(rules.config.training, validation_share=250_000)
    config = replace(rules.config, training=training, least_rows=0, most_rows=0)
    chain = ChainTerms(7, 2, rules.verifiers, bytes(range(32)))
    said = replace(
        rules, rounds=2, config=config, counting=(counting,), declarations=declared, stopping=stopping,
        chain=chain, scaling=Scaling(FINGERPRINTS), attestation=policy(RECORDED, (SNP, TDX)),
    )  # fmt: skip
    told = json.loads(model_files(said, weights)[RULES_NAME])
    assert told["scaling"] == {"sums": FINGERPRINTS} and told["attestation"]["kinds"] == [SNP, TDX]
    assert bytes(range(32)).hex() in told["chain"].values()
    assert names - {"committees"} <= set(told) and told["counting"] == [counting.to_dict()]
    assert told["stopping"] == stopping.to_item()
    assert told["declarations"]["purpose"] == ["to count"]
    assert description["abandonments"] == rules.abandonments
    assert description["config"] == json.loads(json.dumps(rules.config.to_dict()))
    write_files(tmp_path, files)
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
