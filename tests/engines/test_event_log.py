"""The log of events: whole lines from several processes, nothing but whitelisted fields, no secrets."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

from proofward.engines.attacks.catalogue import ATTACKS
from proofward.engines.in_process import InProcessFederation
from proofward.engines.operations.event_log import (
    EVENT_KINDS,
    MAX_TEXT,
    UNABLE,
    WITHHELD,
    EventLog,
    printable,
    rotated,
)
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.events import Event
from proofward.federation.storage.secret_store import SecretStore
from proofward.ledger.keys import SigningKey
from proofward.report.demonstrations.scenario import make_scenario

NOW = 1_767_225_600.1239
DIGEST = "ab" * 32
FIELDS = {"time", "level", "kind", "party", "round", "attempt", "subject", "seconds"}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def log(tmp_path):
    return EventLog(tmp_path / "log.jsonl", clock=lambda: NOW)


def observed(log, *args, **kwargs):
    log.observe(Event(*args, **kwargs))
    return lines(log.path)[-1]


def refused(log, expected, actual, check="model", culprit="hospital-1"):
    refusal = Refusal(check, culprit, expected, actual)
    return observed(log, "verifier-0", "refused", 1, 0, "model", refusal=refusal)


@pytest.mark.parametrize("kind", sorted(EVENT_KINDS))
def test_every_kind_is_one_line_of_known_fields_without_its_detail(log, kind):
    refusal = Refusal("phase", "hospital-1", "upload or verify", "commit")
    line = observed(
        log, "hospital-0", kind, 2, 1, "round-opened", 1.23456789, "DETAIL 17, -3",
        refusal if kind in ("refused", "halted") else None,
    )  # fmt: skip
    assert line["time"] == "2026-01-01T00:00:00.123Z" and line["kind"] == kind
    assert (line["party"], line["round"], line["attempt"]) == ("hospital-0", 2, 1)
    assert (line["subject"], line["seconds"]) == ("round-opened", 1.234568)
    extra = {
        "refused": {"check", "culprit", "expected", "actual"},
        "halted": {"check", "culprit", "expected", "actual"},
        "unable": {"message"},
        "verified": {"outcome"},
        "share checked": {"outcome"},
    }
    assert set(line) == FIELDS | extra.get(kind, set())
    levels = {"refused": "warning", "unable": "error", "halted": "error"}
    assert line["level"] == levels.get(kind, "info")
    assert "DETAIL" not in log.path.read_text()


def test_an_outcome_is_one_of_a_list(log):
    for detail, outcome in (("accepted", "accepted"), ("upheld", "upheld"), ("row 3 is 17", "refused")):
        assert observed(log, "v", "verified", 1, 0, "hospital-0", detail=detail)["outcome"] == outcome


def test_who_cannot_prove_is_told_where_the_reason_is(log):
    line = observed(log, "hospital-0", "unable", 0, 0, "unable/enrolment", detail="feature 1099511627776")
    assert line["message"] == UNABLE and "proofward status" in UNABLE
    assert "1099511627776" not in log.path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        DIGEST, "17", "hospital-0", "('hospital-0', 'hospital-1')", "a ledger of at most 12 entries", "",
        "upload or verify", "one of ['a']"[:3], f"an attachment {DIGEST} from hospital-2", "ML-KEM-768 key",
    ],
)  # fmt: skip
def test_what_the_protocol_says_is_written(log, text):
    line = refused(log, text, text)
    assert (line["expected"], line["actual"]) == (text, text)


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]", "1 2 3", "1, 2, 3, 4", "0.5 0.25", "a=b", "two\nlines", "\x1b[31mred", "é", "\u202e", "\x7f",
        base64.b64encode(bytes(range(32))).decode(), base64.urlsafe_b64encode(b"\xfe" * 32).decode().rstrip("="),
        "ab" * 64, '{"a": 1}', "array(1)*2",
    ],
)  # fmt: skip
def test_what_may_be_anything_is_withheld(log, text):
    line = refused(log, text, text)
    assert (line["expected"], line["actual"]) == (WITHHELD, WITHHELD)
    assert refused(log, "", "", check=text)["check"] == WITHHELD
    assert refused(log, "", "", culprit=text)["culprit"] == WITHHELD
    assert observed(log, text, text, 0, 0, text)["subject"] == WITHHELD
    assert log.path.read_bytes().isascii() and b"\x1b" not in log.path.read_bytes()
    assert not printable(text)


def test_long_text_is_cut(log):
    line = refused(log, "word " * 100, "x" * 500)
    assert line["expected"] == ("word " * 100)[:MAX_TEXT] and line["actual"] == WITHHELD


def test_seconds_are_numbers(log):
    assert observed(log, "a", "proved", 1, 0, "upload", float("nan"))["seconds"] == 0.0


def test_notes(log):
    log.note("started", party="hospital-0", address="127.0.0.1:8000", version="1.2.0")
    log.note("received", object=DIGEST, bytes=1000, seconds=0.25, complete=True)
    log.note("declined", check="malformed\nx", culprit="hospital-1")
    log.note("stopped", level="error", party="")
    time = {"time": "2026-01-01T00:00:00.123Z"}
    assert lines(log.path) == [
        {**time, "level": "info", "kind": "started", "party": "hospital-0", "address": "127.0.0.1:8000", "version": "1.2.0"},
        {**time, "level": "info", "kind": "received", "object": DIGEST, "bytes": 1000, "seconds": 0.25, "complete": True},
        {**time, "level": "warning", "kind": "declined", "check": WITHHELD, "culprit": "hospital-1"},
        {**time, "level": "error", "kind": "stopped", "party": ""},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "kind, fields, error",
    [
        ("started", {"detail": "x"}, ValueError), ("started", {"reason": "x"}, ValueError),
        ("started", {"time": "x"}, ValueError), ("started", {"expected": "x"}, ValueError),
        ("refused", {}, ValueError), ("Started", {}, ValueError), ("a\nb", {}, ValueError),
        ("started", {"level": "fatal"}, ValueError), ("received", {"bytes": "1"}, TypeError),
        ("received", {"bytes": True}, TypeError), ("received", {"bytes": 1.5}, TypeError),
        ("started", {"party": b"x"}, TypeError), ("started", {"party": None}, TypeError),
        ("started", {"party": ["x"]}, TypeError), ("started", {"complete": 1}, TypeError),
    ],
)  # fmt: skip
def test_a_note_has_whitelisted_fields_of_their_types(log, kind, fields, error):
    with pytest.raises(error):
        log.note(kind, **fields)
    assert lines(log.path) == []


def test_only_the_owner_may_read_and_no_link_is_followed(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("")
    path.chmod(0o644)
    EventLog(path).note("started")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError):
        EventLog(tmp_path / "link")


def test_full_files_are_renamed_and_three_are_kept(tmp_path):
    log = EventLog(tmp_path / "log.jsonl", max_bytes=1000)
    for number in range(60):
        log.note("received", count=number)
    files = [rotated(log.path, number) for number in (3, 2, 1, 0)]
    numbers = [line["count"] for path in files for line in lines(path)]
    assert numbers == list(range(numbers[0], 60)) and 0 < numbers[0] < 40
    assert sorted(os.listdir(tmp_path)) == sorted(path.name for path in files)
    assert all(path.stat().st_size <= 1000 and stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


WRITER = """
import sys
from pathlib import Path
from proofward.engines.operations.event_log import EventLog
log = EventLog(Path(sys.argv[1]), max_bytes=int(sys.argv[3]))
for number in range(400):
    log.note("received", party=sys.argv[2], count=number)
assert log.lost == 0
"""


@pytest.mark.parametrize("max_bytes", [1 << 20, 30_000])
def test_two_processes_append_whole_lines(tmp_path, max_bytes):
    path = tmp_path / "log.jsonl"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(max_bytes)])
        for name in ("a", "b")
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    files = [rotated(path, number) for number in (3, 2, 1, 0)]
    found = [line for file in files if file.exists() for line in lines(file)]
    assert len(found) == 800 and (max_bytes > 30_000 or files[2].exists())
    for name in ("a", "b"):
        assert [line["count"] for line in found if line["party"] == name] == list(range(400))


def test_threads_append_whole_lines(log):
    def write():
        for _ in range(100):
            log.observe(Event("hospital-0", "proved", 1, 0, "upload", 0.5))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(log.path)) == 400


def test_a_torn_line_is_ended_and_lost_lines_are_counted(log, monkeypatch):
    log.path.write_text('{"time": "20')
    log.note("started")
    assert [json.loads(line)["kind"] for line in log.path.read_text().split("\n")[1:-1]] == ["started"]
    whole = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:10]))
        log.observe(Event("hospital-0", "proved", 1, 0))
    assert log.lost == 1
    log.note("stopped")
    ends = log.path.read_text().splitlines()[-2:]
    assert [json.loads(line)["kind"] for line in ends] == ["lines lost", "stopped"]
    assert json.loads(ends[0])["count"] == 1 and log.lost == 0


def forms(secret):
    """How bytes may end up in a text."""
    for start in range(0, max(len(secret) - 15, 1), 16):
        piece = secret[start : start + 16]
        yield from (piece, piece.hex().encode(), piece.hex().upper().encode())
    for start in range(0, max(len(secret) - 23, 1), 24):
        piece = secret[start : start + 24]
        yield from (base64.b64encode(piece).rstrip(b"="), base64.urlsafe_b64encode(piece).rstrip(b"="))


def leaks(written, reasons, secrets, data):
    """What of these is found in a log."""
    found = [text for text in reasons if text.encode() in written]
    found += [form for secret in secrets for form in forms(secret) if form in written]
    for features, labels in data.values():
        for row in (*features, labels):
            joined = r"[\s,;\[\]()]{1,6}".join(str(value) for value in row.tolist())
            found += re.findall(joined.encode(), written)
        for matrix in (features, features.astype(np.float64)):
            found += [form for form in forms(matrix.tobytes()) if form in written]
    return found


@pytest.mark.slow
def test_no_record_no_secret_and_no_reason_is_in_the_log_of_a_run(tmp_path, monkeypatch):
    scenario = make_scenario("tiny", 8, 1, 3)
    data = {name: (records.features.copy(), records.labels) for name, records in scenario.hospitals.items()}
    data["hospital-3"][0][1, 2] = outlier = 987_654_321
    log = EventLog(tmp_path / "log.jsonl")
    secrets, details = set(), set()

    def observe(event):
        log.observe(event)
        details.add(event.detail)

    real = SecretStore.put
    monkeypatch.setattr(SecretStore, "put", lambda own, name, data: (secrets.add(data), real(own, name, data)))
    result = InProcessFederation(
        tmp_path / "run", scenario.plan, data, observe=observe,
        parties=ATTACKS["flipped-labels"].parties("hospital-1"),
    ).run()  # fmt: skip
    assert result.finished and {fault.culprit for fault in result.faults} == {"hospital-1"}
    for identity in (tmp_path / "run.private").glob("*/identity.key"):
        secrets.add(SigningKey.load(identity)._seed)
    written = log.path.read_bytes()
    found = lines(log.path)
    assert {"unable", "proved", "verified", "recorded", "aggregated"} <= {line["kind"] for line in found}
    assert {line["outcome"] for line in found if line["kind"] == "verified"} == {"accepted", "refused"}

    reasons = {detail for detail in details if len(detail) > 20} | {str(outlier)}
    secrets = {secret for secret in secrets if len(secret) >= 16}
    assert len(reasons) > 1 and len(secrets) > 12
    assert leaks(written, reasons, secrets, data) == []
    seed, row = min(secrets, key=len), data["hospital-0"][0][0]
    for planted in (
        seed,
        seed.hex().encode(),
        base64.b64encode(seed),
        str(outlier).encode(),
        str(row).encode(),
    ):
        assert leaks(written + planted, reasons, secrets, data)
