"""Collecting evidence through configfs-tsm, here a folder of files with a machine behind them."""

from __future__ import annotations

import pytest

from proofward.attestation.claims import SNP, TDX
from proofward.attestation.collect import CannotCollect, from_tsm
from proofward.attestation.kinds import verify_item
from tests.attestation.machines import NOW, machine, roots
from tests.attestation.tsm import fake_tsm

DATA = bytes(range(64))


@pytest.mark.parametrize("kind", [SNP, TDX])
def test_evidence_of_this_machine_is_bound_to_what_was_asked(tmp_path, monkeypatch, kind):
    fake_tsm(monkeypatch, machine(kind))
    found, evidence = from_tsm(DATA, tmp_path)
    assert found == kind
    item = machine(kind).item(DATA)
    claims = verify_item(type(item)(kind, evidence, item.collateral), NOW, roots(kind))
    assert claims.bound == DATA


def test_what_is_not_as_the_kernel_makes_it_is_told(tmp_path, monkeypatch):
    with pytest.raises(CannotCollect, match="64 bytes of report data"):
        from_tsm(b"", tmp_path)
    with pytest.raises(CannotCollect, match="configfs-tsm at"):
        from_tsm(DATA, tmp_path / "missing")
    with pytest.raises(CannotCollect, match="inblob, outblob"):
        from_tsm(DATA, tmp_path)  # a folder of an ordinary file system has none of the files


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"provider": "arm_cca_guest"}, "a provider among"),
        ({"others": 1}, "that nobody else asks meanwhile"),
        ({"evidence": b""}, "1 to"),
        ({"evidence": bytes(1 << 17)}, "1 to"),
        ({"generation": "many"}, "generation"),
    ],
)
def test_answers_that_cannot_be_used_are_refused(tmp_path, monkeypatch, fields, words):
    fake_tsm(monkeypatch, machine(SNP), **fields)
    with pytest.raises(CannotCollect, match=words):
        from_tsm(DATA, tmp_path)


def test_nothing_is_left_behind_where_the_kernel_takes_it_away(tmp_path, monkeypatch):
    fake_tsm(monkeypatch, machine(SNP))
    from_tsm(DATA, tmp_path)
    assert list(tmp_path.iterdir()) == []
