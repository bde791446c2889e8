"""Metrics: what a log says, in numbers; hostile lines do no harm; the log is followed across renaming."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from proofward.engines.in_process import InProcessFederation
from proofward.engines.operations import metrics as module
from proofward.engines.operations.event_log import EVENT_KINDS, EventLog, event_fields, rotated
from proofward.engines.operations.metrics import (
    MAX_PARTIES,
    Metrics,
    MetricsUnavailable,
    Tail,
    feed,
    serve,
)
from proofward.federation.history.state.history_state import ANY_PHASE, BEFORE, CLOSED
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.messages.events import Event
from proofward.report.demonstrations.scenario import make_scenario
from tests.patience import PATIENCE

MOMENT = 1_767_225_600.0


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return Metrics(registry)


def say(metrics, kind, subject="", number=1, seconds=0.0, detail="", party="hospital-0", refusal=None):
    metrics.take(event_fields(Event(party, kind, number, 0, subject, seconds, detail, refusal)))


def read(registry, name, **labels):
    return registry.get_sample_value(f"proofward_{name}", labels)


def phase(registry):
    """The one phase that is 1."""
    values = {name: read(registry, "phase", phase=name) for name in (BEFORE, *ANY_PHASE, CLOSED)}
    assert sorted(values.values()) == [0.0] * (len(values) - 1) + [1.0]
    return max(values, key=values.get)


def series(registry):
    return sum(len(family.samples) for family in registry.collect())


def test_rounds_and_phases_follow_what_is_recorded(registry, metrics):
    assert phase(registry) == BEFORE
    steps = [
        ("federation-opened", 0, "enrolment"), ("enrolment", 0, "enrolment"),
        ("enrolment-closed", 0, "deal"), ("beacon-deal", 0, "deal"), ("deals-closed", 0, "vouch"),
        ("vouches-closed", 0, "reveal"), ("beacon-fixed", 0, "between rounds"), ("round-opened", 1, "keys"),
        ("holder-keys", 1, "keys"), ("keys-closed", 1, "upload"), ("uploads-closed", 1, "verify"),
        ("verdicts-closed", 1, "shares"), ("attempt-restarted", 1, "between rounds"),
        ("accepted-set", 1, "consent"), ("consent", 1, "consent"), ("set-withdrawn", 1, "abandon"),
        ("share-sum", 1, "unmask"), ("aggregate", 1, "confirm"), ("round-closed", 1, "between rounds"),
        ("round-opened", 2, "keys"), ("round-closed", 2, "between rounds"),
        ("federation-closed", 2, "closed"),
    ]  # fmt: skip
    for subject, number, expected in steps:
        say(metrics, "recorded", subject, number)
        assert phase(registry) == expected and read(registry, "round") == number
    assert read(registry, "rounds_closed_total") == 2
    say(metrics, "recorded", "round-closed", 2)  # the same line again
    assert read(registry, "rounds_closed_total") == 2
    say(metrics, "recorded", "federation-opened", 0)  # another federation in the same log
    say(metrics, "recorded", "round-closed", 1)
    assert read(registry, "rounds_closed_total") == 3


def test_durations_are_by_party_and_kind_of_subject(registry, metrics):
    say(metrics, "proved", "enrolment", 0, 2.0)
    say(metrics, "proved", "upload", 1, 3.0)
    say(metrics, "proved", "upload", 2, 4.0)
    say(metrics, "verified", "hospital-1", 0, 0.5, "accepted", "verifier-0")
    say(metrics, "verified", "hospital-1", 1, 0.25, "statement", "verifier-0")
    say(metrics, "verified", "hospital-1 against hospital-2", 1, 0.125, "upheld", "verifier-0")
    say(metrics, "share checked", "hospital-2", 1, 0.0625, "good")
    say(metrics, "aggregated", "round", 1, 1.0, party="aggregator")
    say(metrics, "confirmed", "aggregator", 1, 1.5)
    for name, party, subject, count, total in (
        ("proof", "hospital-0", "enrolment", 1, 2.0),
        ("proof", "hospital-0", "upload", 2, 7.0),
        ("verification", "verifier-0", "enrolment", 1, 0.5),
        ("verification", "verifier-0", "upload", 1, 0.25),
        ("verification", "verifier-0", "complaint", 1, 0.125),
        ("verification", "hospital-0", "share", 1, 0.0625),
        ("aggregation", "aggregator", "sum", 1, 1.0),
        ("aggregation", "hospital-0", "confirmation", 1, 1.5),
    ):
        labels = {"party": party, "subject": subject}
        assert read(registry, f"{name}_seconds_count", **labels) == count
        assert read(registry, f"{name}_seconds_sum", **labels) == total
    assert read(registry, "proof_seconds_bucket", party="hospital-0", subject="upload", le="5.0") == 2
    verdicts = {name: read(registry, "verdicts_total", outcome=name) for name in module.VERDICTS}
    assert verdicts == {"accepted": 1, "refused": 1, "upheld": 1, "dismissed": None}


def test_refusals_notes_and_time(registry, metrics, tmp_path):
    log = EventLog(tmp_path / "log.jsonl", clock=lambda: MOMENT)
    refusal = Refusal("aggregate-model", "aggregator", "a", "b")
    log.observe(Event("hospital-0", "halted", 1, 0, "aggregate-model", refusal=refusal))
    log.observe(Event("hospital-1", "refused", 1, 0, "aggregate-model", refusal=refusal))
    log.note("declined", check="malformed", culprit="transport")
    log.observe(Event("hospital-1", "unable", 1, 0, "unable/1/0"))
    for party in ("hospital-0", "hospital-1", "hospital-0", "hospital-0"):
        log.note("started", party=party)
    log.note("received", bytes=1000)
    log.note("received", bytes=24, seconds=0.5)
    feed(metrics, Tail(log.path))
    assert read(registry, "refusals_total", check="aggregate-model", culprit="aggregator") == 2
    assert read(registry, "refusals_total", check="malformed", culprit="transport") == 1
    assert read(registry, "unable_total") == 1 and read(registry, "restarts_total") == 2
    assert read(registry, "received_bytes_total") == 1024
    assert read(registry, "last_event_timestamp_seconds") == MOMENT
    assert read(registry, "malformed_lines_total") == 0


@pytest.mark.parametrize("kind", sorted(EVENT_KINDS))
def test_every_kind_is_taken(metrics, registry, kind):
    say(metrics, kind)
    assert read(registry, "malformed_lines_total") == 0


@pytest.mark.slow
def test_hostile_lines_make_no_more_series(registry, metrics):
    for number in range(5000):
        name = f"x-{number}"
        say(metrics, "refused", refusal=Refusal(name, "hospital-0", "", ""))
        say(metrics, "proved", name, 1, 1.0)
        say(metrics, "verified", name, 1, 1.0, name)
        metrics.take({"kind": "verified", "outcome": name, "seconds": 1.0})
        metrics.take({"kind": name, "party": name, "check": name})
        metrics.take({"kind": "recorded", "subject": name, "round": number})
    assert series(registry) < 250
    assert read(registry, "refusals_total", check="other", culprit="hospital-0") == 5000
    for number in range(1000):
        say(metrics, "refused", refusal=Refusal("phase", f"x-{number}", "", ""))
        say(metrics, "proved", "upload", 1, 1.0, party=f"x-{number}")
        metrics.take({"kind": "started", "party": f"x-{number}"})
    assert series(registry) < 250 + MAX_PARTIES * 30
    assert read(registry, "proof_seconds_count", party="other", subject="upload") >= 1000 - MAX_PARTIES


@pytest.mark.parametrize(
    "value", [None, True, -1, 1e400, float("nan"), 10**40, "x", "\ud800", [1], {"a": []}]
)
def test_values_of_any_type_are_survived(metrics, value):
    names = (
        "time",
        "level",
        "party",
        "round",
        "subject",
        "seconds",
        "outcome",
        "check",
        "culprit",
        "bytes",
        "site",
    )
    for kind in (*EVENT_KINDS, "started", "received", "declined", value):
        metrics.take({"kind": kind, **dict.fromkeys(names, value)})
    metrics.take(value)


def test_lines_that_are_no_json_are_counted(registry, metrics, tmp_path):
    path = tmp_path / "log.jsonl"
    hostile = [b"{", b"\xff\xfe", b"[" * 50_000, b"1", b'"recorded"', b"{}", b'{"kind": 1}', b"9" * 10_000]
    huge = b'{"kind": "unable", "x": "' + b"y" * (1 << 20) + b'"}'
    path.write_bytes(b"\n".join([*hostile, huge, b'{"kind": "unable"}', b""]))
    feed(metrics, Tail(path))
    assert read(registry, "malformed_lines_total") == len(hostile) + 1
    assert read(registry, "unable_total") == 1


def test_a_tail_waits_for_the_end_of_a_line(tmp_path):
    path = tmp_path / "log.jsonl"
    tail = Tail(path)
    assert list(tail.lines()) == []
    for written, seen in ((b"on", []), (b"e\ntw", [b"one"]), (b"", []), (b"o\nthree\n", [b"two", b"three"])):
        with path.open("ab") as file:
            file.write(written)
        assert list(tail.lines()) == seen
    path.write_bytes(b"new\n")  # emptied by somebody
    assert list(tail.lines()) == [b"new"]
    tail.close()


@pytest.mark.parametrize("pause", [1, 7, 40])
def test_a_tail_follows_renaming(tmp_path, pause):
    log = EventLog(tmp_path / "log.jsonl", max_bytes=2000)
    tail, found = Tail(log.path), []
    for number in range(200):
        log.note("received", count=number)
        if number % pause == 0:
            found += [json.loads(line)["count"] for line in tail.lines()]
    found += [json.loads(line)["count"] for line in tail.lines()]
    assert found == list(range(200)) and rotated(log.path, 3).exists()
    again = [json.loads(line)["count"] for line in Tail(log.path).lines()]
    assert again == list(range(again[0], 200)) and again[0] > 0


def test_a_tail_left_behind_goes_on_with_what_is_kept(tmp_path):
    log = EventLog(tmp_path / "log.jsonl", max_bytes=1000)
    log.note("received", count=0)
    tail = Tail(log.path)
    assert len(list(tail.lines())) == 1
    time.sleep(0.02)
    for number in range(1, 100):
        log.note("received", count=number)
    found = [json.loads(line)["count"] for line in tail.lines()]
    assert found[-1] == 99 and found == sorted(set(found))
    os.remove(log.path)  # kept ones are not read twice
    assert list(tail.lines()) == []
    time.sleep(0.02)
    log.note("received", count=100)
    assert [json.loads(line)["count"] for line in tail.lines()] == [100]


def scrape(served):
    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/metrics", timeout=PATIENCE) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.mark.slow
def test_a_run_is_served(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.02)
    scenario = make_scenario("tiny", 3, 1, 5)
    data = {name: (records.features, records.labels) for name, records in scenario.hospitals.items()}
    log = EventLog(tmp_path / "log.jsonl", max_bytes=12_000)
    served = serve(log.path, 0)
    try:
        assert scrape(served)["proofward_phase", BEFORE] == 1
        engine = InProcessFederation(tmp_path / "run", scenario.plan, data, observe=log.observe, workers=2)
        assert engine.run().finished and rotated(log.path, 1).exists()
        deadline = time.monotonic() + PATIENCE
        while (found := scrape(served))["proofward_phase", CLOSED] != 1 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        served.close()
    assert found["proofward_phase", CLOSED] == 1 and found["proofward_rounds_closed_total",] == 1
    assert found["proofward_round",] == 1 and found["proofward_verdicts_total", "accepted"] == 18
    assert found["proofward_proof_seconds_count", "hospital-0", "upload"] == 1
    assert found["proofward_proof_seconds_sum", "hospital-2", "upload"] > 0
    assert found["proofward_aggregation_seconds_count", "aggregator", "sum"] == 1
    assert found["proofward_malformed_lines_total",] == 0
    assert abs(found["proofward_last_event_timestamp_seconds",] - time.time()) < PATIENCE
    with pytest.raises(OSError):
        scrape(served)
    again = serve(log.path, 0)  # all is in the log
    try:
        assert scrape(again)["proofward_rounds_closed_total",] == 1
    finally:
        again.close()


def test_without_the_client_it_is_said_what_to_install(monkeypatch, registry):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MetricsUnavailable, match="pip install prometheus-client"):
        Metrics(registry)
