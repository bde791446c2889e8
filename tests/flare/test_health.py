"""What a kit's operator has to know is found in the kit, noted in the log, counted and told."""

from __future__ import annotations

import json
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from proofward.catalogue.problems import PROBLEMS
from proofward.engines.contract import GaveUp
from proofward.engines.flare.condition import deaths
from proofward.engines.flare.condition.health import health
from proofward.engines.flare.condition.last_words import last_words
from proofward.engines.flare.condition.running import RUN_NAME
from proofward.engines.flare.supervisor import Supervisor, claimed
from proofward.engines.operations.event_log import EventLog
from proofward.engines.operations.metrics import Metrics, Tail, feed
from proofward.engines.operations.watch import Watch
from proofward.engines.remote.agreement import following
from tests.engines import remote_harness as harness
from tests.engines import remote_kits

SITE = "hospital-0"


def right_now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A federation that stands in its first round, since one hospital is not there."""
    root = tmp_path_factory.mktemp("health")
    with harness.Consortium(root, harness.agreement(rounds=1)) as consortium:
        consortium.start(*consortium.names)
        consortium.until(lambda: consortium.phase("upload"))
        consortium.stop(*consortium.names)
    return root


@pytest.fixture
def kit(begun, tmp_path):
    return remote_kits.as_kit(begun / SITE, tmp_path / SITE)


@pytest.fixture
def server(begun, tmp_path):
    return remote_kits.as_kit(begun / harness.SERVER, tmp_path / "server")


def found(kit, now=None):
    seen = {problem.check: problem for problem in health(kit, now).problems}
    assert set(seen) <= set(PROBLEMS)
    return seen


def log(kit, *lines):
    with (kit / "proofward" / "log.jsonl").open("a") as file:
        for minutes, kind, fields in lines:
            moment = (right_now() - timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
            file.write(json.dumps({"time": moment, "level": "info", "kind": kind, **fields}) + "\n")


def test_nothing_is_wrong_with_a_kit_that_was_stopped(kit, server):
    assert found(kit) == {} and found(server) == {}


def test_a_process_that_was_killed(kit):
    (kit / "proofward" / RUN_NAME).write_text(json.dumps({"pid": 1, "since": right_now().isoformat()}))
    assert "proofward start" in found(kit)["not-running"].sentence
    with claimed(kit) as tell:
        tell()
        assert "not-running" not in found(kit)


def test_a_process_that_dies_again_and_again(kit):
    deaths.record(kit / "proofward", deaths.Deaths(2, "OSError: once"))
    assert found(kit) == {}
    deaths.record(kit / "proofward", deaths.Deaths(5, "ModuleNotFoundError: No module named 'x'"))
    assert (
        found(kit)["died"].detail.startswith("ModuleNotFoundError")
        and "5 times" in found(kit)["died"].sentence
    )
    deaths.record(kit / "proofward", deaths.Deaths(10, "OSError: full", True))
    assert "not started any more" in found(kit)["gave-up"].sentence
    for junk in (b"", b"[]", b'{"count": "5", "reason": "", "gave_up": false}', b"x" * 9000):
        (kit / "proofward" / deaths.NAME).write_bytes(junk)
        assert found(kit) == {}


def test_a_crash_loop_ends_with_a_stop_that_is_shown(kit, monkeypatch):
    import threading

    monkeypatch.setattr("proofward.engines.flare.supervisor.PAUSES", (0.0,))
    notes = []
    failing = ["/bin/sh", "-c", "echo 'some.module.BrokenKitError: no such thing'; exit 3"]
    runs = Supervisor(kit, threading.Event(), lambda kind, **fields: notes.append(kind), command=failing)
    with pytest.raises(GaveUp, match="BrokenKitError: no such thing"):
        runs.run()
    assert notes.count("restarted") == 10
    seen = found(kit)["gave-up"]
    assert seen.detail == "BrokenKitError: no such thing"


def test_jobs_that_end_in_an_exception(server):
    log(server, (3, "job ended", {"subject": "FINISHED:EXECUTION_EXCEPTION"}))
    assert found(server) == {}
    log(server, (2, "job ended", {"subject": "FINISHED:EXECUTION_EXCEPTION"}))
    (server / "error_log.txt").write_text("2026 - ERROR - a.b.SomeError: the first line\nsecond\n")
    seen = found(server)["job-failed"]
    assert "2 jobs" in seen.sentence and seen.detail == "SomeError: the first line"
    log(server, (1, "recorded", {"round": 1, "subject": "upload"}))
    assert "job-failed" not in found(server)


def test_nobody_goes_on_for_longer_than_the_deadline(kit, server):
    log(server, (0, "recorded", {"round": 1, "subject": "holder-keys"}))
    assert found(server) == {}
    later = right_now() + timedelta(minutes=90)
    seen = found(server, later)["standstill"]
    assert "hospital-" in seen.sentence and "upload" in seen.sentence
    assert "standstill" not in found(kit, later)  # nobody runs it, so it cannot know
    with claimed(kit) as tell:
        tell()
        assert "the federation waits for" in found(kit, later)["standstill"].sentence


def test_a_hospital_that_follows_heads_misses_none_before_the_first_entry(kit):
    member = kit / "proofward" / "members" / SITE
    following.keep(member, following.Following(True))
    later = right_now() + timedelta(hours=3)
    with claimed(kit) as tell:
        tell()
        assert "shown no newer head for" in found(kit, later)["heads-withheld"].sentence
        for state in member.glob("state.*"):
            state.unlink()
        assert "heads-withheld" not in found(kit, later)


def test_a_member_whose_state_is_a_copy_is_told_so_and_of_no_heads(kit):
    following.keep(kit / "proofward" / "members" / SITE, following.Following(True))
    log(kit, (2, "started", {"party": SITE}), (1, "failed", {"party": SITE, "check": "state-copied"}))
    with claimed(kit) as tell:
        tell()
        seen = found(kit, right_now() + timedelta(hours=3))
        assert f"{SITE} does not start (state-copied)" in seen["halted"].sentence and "heads-withheld" not in seen
        log(kit, (0, "started", {"party": SITE}))
        assert "halted" not in found(kit)


def test_a_federation_that_has_stopped_for_good(server):
    log(server, (5, "stopped for good", {"check": "uploaded-set", "phase": "upload"}))
    assert "uploaded-set" in found(server)["halted"].sentence


def test_the_mark_of_a_host_that_has_stopped_for_good(server):
    (server / "proofward" / "stopped").write_text("locks (hospital-1): expected of 3 holders, found one")
    assert "locks (hospital-1)" in found(server)["halted"].sentence
    assert "standstill" not in found(server, right_now() + timedelta(days=1))


def test_the_coordinators_job_is_over_until_another_is_submitted(kit):
    log(kit, (3, "submitted", {"count": 1}), (2, "job over", {"subject": "FINISHED:COMPLETED"}))
    assert health(kit).job_over
    log(kit, (1, "submitted", {"count": 2}))
    assert not health(kit).job_over


def test_a_server_that_refuses(kit):
    log(kit, (1, "declined", {"check": "certificate", "culprit": "transport"}))
    with claimed(kit) as tell:
        tell()
        assert "certificate" in found(kit)["refused"].sentence
        log(kit, (0, "proved", {"party": SITE}))
        assert "refused" not in found(kit)


def test_a_server_that_is_not_reached_or_sends_no_job(kit):
    with socket.create_server(("127.0.0.1", 0)) as answering, claimed(kit) as tell:
        tell()
        described = {"servers": [{"service": {"target": f"127.0.0.1:{answering.getsockname()[1]}"}}]}
        (kit / "startup" / "fed_client.json").write_text(json.dumps(described))
        assert not {"unreachable", "no-job"} & set(found(kit))
        later = right_now() + timedelta(minutes=5)
        assert "coordinator" in found(kit, later)["no-job"].sentence
        answering.close()
        assert "has not been reached for 5 minutes" in found(kit, later)["unreachable"].sentence
        log(kit, (0, "started", {"party": SITE}))
        assert not {"unreachable", "no-job"} & set(found(kit, right_now() - timedelta(seconds=1)))
        assert "goes on by itself" in found(kit, later)["unreachable"].sentence
        port = int(described["servers"][0]["service"]["target"].rpartition(":")[2])
        with socket.create_server(("127.0.0.1", port)):
            assert not {"unreachable", "no-job"} & set(found(kit, later))


def test_behind_a_proxy_only_the_lost_connection_tells(kit, monkeypatch):
    command = b"python\0-m\0proofward\0start\0--proxy\0http://proxy:1\0"
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: command if path.name == "cmdline" else read(path))
    later = right_now() + timedelta(minutes=5)
    with claimed(kit) as tell:
        tell()
        described = {"servers": [{"service": {"target": "127.0.0.1:1"}}]}
        (kit / "startup" / "fed_client.json").write_text(json.dumps(described))
        log(kit, (0, "started", {"party": SITE}), (0, "connected", {}))
        assert "unreachable" not in found(kit, later)
        log(kit, (0, "disconnected", {}))
        assert "connection lost" in found(kit, later)["unreachable"].sentence
        command = b"python\0-m\0proofward\0start\0--proxy=none\0"
        assert "refused" in found(kit, later)["unreachable"].sentence


def test_certificates(kit):
    for days, words in ((0, None), (20_000, "ended on"), (-20_000, "clock")):
        seen = found(kit, right_now() + timedelta(days=days)).get("certificate")
        assert seen is None if words is None else words in seen.sentence
    (kit / "startup" / "client.crt").write_bytes(b"junk")
    assert "client.crt is damaged; put it back" in found(kit)["certificate"].sentence


def test_each_problem_is_a_line_of_the_log_and_a_metric(kit):
    registry = CollectorRegistry()
    events = EventLog(kit / "proofward" / "log.jsonl")
    metrics, tail = Metrics(registry), Tail(kit / "proofward" / "log.jsonl")
    watch = Watch(kit, health, events.note)
    watch.beat()
    deaths.record(kit / "proofward", deaths.Deaths(5, "OSError: full"))
    watch.beat()
    watch.beat()
    feed(metrics, tail)
    assert registry.get_sample_value("proofward_problem", {"check": "died"}) == 1
    deaths.clear(kit / "proofward")
    watch.beat()
    feed(metrics, tail)
    tail.close()
    assert registry.get_sample_value("proofward_problem", {"check": "died"}) == 0
    lines = [json.loads(line) for line in (kit / "proofward" / "log.jsonl").read_text().splitlines()]
    told = [(line["kind"], line["check"]) for line in lines if line["kind"].startswith("problem")]
    assert told == [("problem", "died"), ("problem over", "died")]


def test_a_kit_that_vanishes_stops_no_watch(kit):
    watch = Watch(kit, health, lambda kind, **fields: pytest.fail(kind))
    shutil.rmtree(kit / "proofward")
    watch.beat()


def test_the_reason_is_the_last_error_of_the_newest_log(kit):
    assert last_words(kit) == ""
    (kit / "proofward" / "flare.log").write_text(
        "x\nValueError: first\n  Foo\nKeyError: 'second'\nend\n" + "y" * 9
    )
    assert last_words(kit) == "KeyError: 'second'"
