"""The coordinator's process against a FLARE that is played: when it submits, and when it does not."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace

import pytest

from proofward.engines.flare import keeper as module
from proofward.engines.flare.keeper import Keeper


class Played:
    """FLARE's session: sites that are connected, that work and that have died, jobs by number."""

    def __init__(self) -> None:
        self.connected, self.working, self.dead = {"a", "b", "c"}, {"a", "b", "c"}, set[str]()
        self.asked = 0
        self.jobs: dict[str, str] = {}
        self.aborted: list[str] = []
        self.forgotten: set[str] = set()
        self.start = "one"

    @property
    def running(self) -> list[str]:
        return [
            name for name, status in self.jobs.items() if status == "RUNNING" and name not in self.forgotten
        ]

    def get_system_info(self):
        self.asked += 1
        heard = {name: 0 if name in self.dead else self.asked for name in sorted(self.connected)}
        return SimpleNamespace(
            client_info=[SimpleNamespace(name=name, last_connect_time=time) for name, time in heard.items()],
            job_info=[SimpleNamespace(job_id=name) for name in self.running],
            server_info=SimpleNamespace(start_time=self.start),
        )

    def get_client_job_status(self):
        return [{"client_name": name, "job_id": self.running[-1]} for name in self.working if self.running]

    def get_job_meta(self, job):
        return {"status": self.jobs[job]}

    def submit_job(self, folder):
        self.jobs[f"job-{len(self.jobs)}"] = "RUNNING"
        return f"job-{len(self.jobs) - 1}"

    def abort_job(self, job):
        self.aborted.append(job)
        self.jobs[job] = "FINISHED:ABORTED"

    def close(self):
        pass


@pytest.fixture
def scene(tmp_path, monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    flare = Played()
    keeper = Keeper(tmp_path, 3, Event())
    keeper._session = flare

    def pass_time(seconds: float) -> bool:
        done = False
        for _ in range(int(seconds)):
            clock.now += 1
            done = keeper._tend() or done
        return done

    return flare, keeper, pass_time


def test_one_job_as_long_as_all_is_well(scene):
    flare, keeper, pass_time = scene
    assert not pass_time(600) and keeper.submissions == 1 and flare.aborted == []
    flare.jobs["job-0"] = "FINISHED:COMPLETED"
    assert pass_time(2)


def test_a_job_that_the_server_has_ended_for_good_is_not_submitted_again(tmp_path, monkeypatch):
    flare, notes = Played(), []
    keeper = Keeper(tmp_path, 3, Event(), lambda kind, **fields: notes.append(kind))
    keeper._session = flare
    monkeypatch.setattr(module, "BEAT", 0.0)
    beats = iter(range(1000))

    def information(seen=flare.get_system_info):
        if next(beats) == 5:
            flare.jobs = dict.fromkeys(flare.jobs, "FINISHED:COMPLETED")
        return seen()

    flare.get_system_info = information
    assert keeper.run() and keeper.submissions == 1
    assert notes.count("submitted") == 1 and notes[-1] == "job over"


def test_some_are_waited_for_but_not_for_ever(scene):
    flare, keeper, pass_time = scene
    flare.connected = flare.working = {"a", "b"}
    pass_time(10)
    assert keeper.submissions == 0
    pass_time(10)
    assert keeper.submissions == 1


@pytest.mark.parametrize("status", ["FINISHED:ABNORMAL", "FINISHED:EXECUTION_EXCEPTION", "FINISHED:ABORTED"])
def test_a_job_that_ends_is_submitted_again_less_and_less_often(scene, status):
    flare, keeper, pass_time = scene
    for _ in range(300):
        pass_time(1)
        for job in flare.running:
            flare.jobs[job] = status
    assert 3 <= keeper.submissions <= 8


def test_a_server_that_was_started_again(scene):
    flare, keeper, pass_time = scene
    pass_time(5)
    flare.start, flare.forgotten = "two", {"job-0"}  # which FLARE's records call running for ever
    pass_time(10)
    assert keeper.submissions == 2


def test_a_site_that_comes_back_is_taken_in_and_one_that_flaps_waits(scene):
    flare, keeper, pass_time = scene
    pass_time(60)
    flare.working = {"a", "b"}
    pass_time(10)
    assert flare.aborted == ["job-0"]
    flare.working = {"a", "b", "c"}
    pass_time(30)
    assert keeper.submissions == 2
    for _ in range(3600):
        flare.working = {"a", "b"}
        pass_time(1)
    assert len(flare.aborted) <= 5


def test_for_a_site_that_has_died_no_job_is_given_up(scene):
    """FLARE calls it connected for a minute, and hears nothing from it."""
    flare, keeper, pass_time = scene
    pass_time(60)
    flare.working, flare.dead = {"a", "b"}, {"c"}
    pass_time(60)
    flare.connected = {"a", "b"}
    pass_time(60)
    assert flare.aborted == [] and keeper.submissions == 1
    flare.connected, flare.dead = {"a", "b", "c"}, set()
    pass_time(10)
    assert flare.aborted == ["job-0"]


def test_the_server_is_asked_seldom_while_everybody_works(scene):
    flare, keeper, pass_time = scene
    assert keeper._beat() == module.BEAT
    pass_time(60)
    assert keeper._beat() == module.SELDOM
    flare.working = {"a", "b"}
    pass_time(1)
    assert keeper._beat() == module.BEAT


def test_another_process_goes_on_with_the_job_that_runs(scene, tmp_path):
    flare, _, pass_time = scene
    pass_time(5)
    again = Keeper(tmp_path, 3, Event())
    again._session = flare
    assert not again._tend() and again.submissions == 0
    flare.jobs["job-0"] = "FINISHED:COMPLETED"
    assert again._tend()
