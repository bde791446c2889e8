"""A site notices a second federation over the same data file, and adds the budgets."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, replace

import numpy as np
import pytest

from proofward.engines.remote.agreement import site_ledger
from proofward.engines.remote.agreement.record_sketch import sketch_of
from proofward.engines.remote.agreement.site_ledger import (
    Enrolled,
    composed,
    digest_of,
    note,
    others_of,
    read,
    told,
)
from proofward.privacy.zcdp import rho_of

DATA, OTHER = bytes(32), bytes([1]) * 32


@dataclass(frozen=True)
class OwnTerms:
    """As much of terms as this needs."""

    digest: bytes


def entry(terms: int, data=DATA, epsilon=3.0, member="a", inverse_delta=100_000):
    rho = rho_of(epsilon, 1 / inverse_delta) if inverse_delta else 0.0
    return Enrolled(data.hex(), bytes([terms] * 32).hex(), f"trial {terms}", member, rho, inverse_delta)


def records(first, count):
    features = np.arange(first, first + count, dtype=np.int64)[:, None] * np.array([3, 5], dtype=np.int64)
    return features, features[:, 0] % 2


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    path = tmp_path / "state" / "enrolled.json"
    monkeypatch.setenv(site_ledger.VARIABLE, str(path))
    return path


def test_a_second_federation_over_the_same_file_is_noticed_and_composed(place):
    assert read() == [] and told(OwnTerms(bytes([1] * 32)), ["a"]) == []
    note(entry(1))
    note(entry(2, OTHER))
    assert told(OwnTerms(bytes([1] * 32)), ["a"]) == []
    note(entry(3))
    (line,) = told(OwnTerms(bytes([3] * 32)), ["a", "b"])
    assert "trial 3 (epsilon 3), trial 1 (epsilon 3): together epsilon 4.45, delta 1e-05" in line
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_records_that_are_in_another_file_too_are_noticed(place):
    known, more, others = (sketch_of(*records(first, count)) for first, count in ((0, 90), (0, 95), (500, 90)))
    note(replace(entry(1), records=known))
    note(replace(entry(2, OTHER), records=more))
    note(replace(entry(3, bytes([2]) * 32), records=others))
    assert [own.federation for own in others_of(bytes([2] * 32).hex(), "a", read())] == ["trial 1"]
    assert others_of(bytes([3] * 32).hex(), "a", read()) == []
    (line,) = told(OwnTerms(bytes([2] * 32)), ["a"])
    assert "together epsilon 4.45" in line


def test_an_entry_without_a_sketch_is_read_and_known_by_its_file(place):
    note(entry(1))
    plain = json.loads(place.read_text())
    del plain[0]["records"]
    place.write_text(json.dumps(plain))
    note(replace(entry(2), records=sketch_of(*records(0, 5))))
    assert [own.federation for own in others_of(bytes([2] * 32).hex(), "a", read())] == ["trial 1"]
    plain = json.loads(place.read_text())
    plain[1]["records"] = "x" * 16
    place.write_text(json.dumps(plain))
    with pytest.raises(ValueError, match="sketch"):
        read()


def test_what_is_enrolled_again_takes_the_place_of_what_was(place):
    note(entry(1))
    note(entry(1, OTHER))
    note(entry(2))
    assert [own.data for own in read()] == [OTHER.hex(), DATA.hex()]
    assert others_of(bytes([2] * 32).hex(), "a", read()) == []
    note(entry(1, member="b"))
    assert [own.member for own in others_of(bytes([2] * 32).hex(), "a", read())] == ["b"]


def test_with_exact_sums_nothing_is_promised_together():
    assert "nothing is promised" in composed([entry(1), entry(2, inverse_delta=0)])


def test_data_are_known_by_their_bytes_and_folders_by_their_records(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"x")
    assert digest_of(tmp_path / "a.csv", b"records").hex().startswith("2d711642b726b044")
    assert digest_of(tmp_path, b"x") == digest_of(tmp_path / "a.csv", b"records")


NEGATIVE = {"data": "", "terms": "", "federation": "", "member": "", "rho": -1.0, "inverse_delta": 2}


@pytest.mark.parametrize("plain", [{}, [1], [{"data": "x"}], [NEGATIVE]])
def test_a_ledger_that_is_none_is_refused_and_stops_no_other_command(place, plain):
    place.parent.mkdir()
    place.write_text(json.dumps(plain))
    with pytest.raises(ValueError, match="expected"):
        read()
    with pytest.raises(ValueError, match="expected"):
        note(entry(1))
    assert told(OwnTerms(bytes(32)), ["a"]) == []
