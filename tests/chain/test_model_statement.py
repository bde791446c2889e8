"""A statement of the final model: signed by members, checked against the ledger, and refused when altered."""

from __future__ import annotations

import base64
import json

import pytest

from proofward.engines.run_folder import private_of
from proofward.ledger.keys import SigningKey
from proofward.report.handover.statement import (
    PAYLOAD_TYPE,
    StatementInvalid,
    opened_statement,
    payload_of,
    sealed_statement,
    signed_bytes,
    signers,
)

pytestmark = pytest.mark.slow


def own_key(run, name: str) -> SigningKey:
    return SigningKey.load(private_of(run.folder) / name / "identity.key")


@pytest.fixture
def signed(run) -> str:
    payload = payload_of(run.history, {})
    first = sealed_statement(payload, [own_key(run, "hospital-1")])
    return sealed_statement(payload, [own_key(run, "hospital-0")], opened_statement(first)[1])


def test_members_sign_the_same_bytes_one_after_another(run, signed) -> None:
    assert signers(run.history, signed, {}) == ["hospital-0", "hospital-1"]
    payload, signatures = opened_statement(signed)
    told = json.loads(payload)
    assert told["subject"] == [{"name": "weights", "digest": {"sha256": run.history.model.hex()}}]
    assert [entry["round"] for entry in told["predicate"]["rounds"]] == [1, 2] and b"\n" not in payload
    assert len(signatures) == 2


def test_it_is_an_envelope_as_dsse_has_it(run, signed) -> None:
    """By the specification's words, without our code."""
    told = json.loads(signed)
    payload, kind = base64.b64decode(told["payload"]), told["payloadType"].encode()
    text = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])
    key = own_key(run, "hospital-1").public
    assert key.verify_raw(text, base64.b64decode(told["signatures"][0]["sig"])) and text == signed_bytes(payload)


def test_rejects_altered_statements(run, signed) -> None:
    history, told = run.history, json.loads(signed)
    other = base64.b64encode(base64.b64decode(told["payload"]).replace(b'"round":1', b'"round":7')).decode()
    stranger = sealed_statement(payload_of(history, {}), [SigningKey(bytes(32))])
    first, second = told["signatures"]
    for altered in (
        {**told, "payload": other},
        {**told, "payload": "e30="},
        {**told, "payload": "?"},
        {**told, "payloadType": "text/plain"},
        {**told, "signatures": []},
        {**told, "signatures": [first, {**second, "sig": first["sig"]}]},
        {**told, "signatures": [{**first, "keyid": second["keyid"]}]},
        {**told, "signatures": [{"keyid": first["keyid"]}]},
        {**told, "signatures": [first, second, first]},
        json.loads(stranger),
        [],
    ):
        with pytest.raises(StatementInvalid):
            signers(history, json.dumps(altered), {})
    with pytest.raises(StatementInvalid, match="DSSE"):
        signers(history, "{", {})
    with pytest.raises(StatementInvalid, match="another statement"):
        signers(run.fork_history, signed, {})


def test_an_exported_model_stands_in_it(run) -> None:
    payload = payload_of(run.history, {"model.onnx": b"data"})
    text = sealed_statement(payload, [own_key(run, "verifier-0")])
    assert signers(run.history, text, {"model.onnx": b"data"}) == ["verifier-0"]
    for files in ({}, {"model.onnx": b"else"}):
        with pytest.raises(StatementInvalid):
            signers(run.history, text, files)


def test_the_model_itself_is_no_file_that_somebody_calls_so(run) -> None:
    with pytest.raises(StatementInvalid, match="file name"):
        payload_of(run.history, {"weights": b"other"})


def test_whoever_was_revoked_has_not_signed(run, signed) -> None:
    history = run.history
    history.revoked["hospital-1"] = history.size
    assert signers(history, signed, {}) == ["hospital-0"]
    history.revoked["hospital-0"] = history.size
    with pytest.raises(StatementInvalid, match="a member's signature"):
        signers(history, signed, {})


def test_only_an_ended_federation_has_one(run) -> None:
    history = run.history
    history.phase = "confirm"
    with pytest.raises(StatementInvalid, match="ended"):
        payload_of(history, {})


def test_the_commands_sign_and_verify(run, tmp_path, proofward) -> None:
    out = tmp_path / "model.intoto.json"
    done = proofward("model", "statement", run.folder, "--out", out)
    assert done.exit_code == 0 and "signed by aggregator, hospital-0" in done.output, done.output
    assert json.loads(out.read_text())["payloadType"] == PAYLOAD_TYPE
    good = proofward("verify", out, "--ledger", run.folder)
    assert good.exit_code == 0 and good.output.startswith("VALID: the model"), good.output
    assert proofward("verify", out).exit_code == 2
    assert proofward("verify", out, "--ledger", run.fork).exit_code == 1
    assert proofward("model", "statement", run.fork, "--out", out).exit_code == 1
