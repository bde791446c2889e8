"""Every member can take the model home from its own kit: the same bytes, during the federation and after."""

from __future__ import annotations

import threading

import pytest

from proofward.encoding import decode
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.carrying.messages import Declined
from proofward.engines.remote.carrying.objects import RemoteObjects
from proofward.federation.messages.basics.refusal import TRANSPORT
from proofward.federation.messages.envelope import Envelope
from proofward.ledger.database import Database
from proofward.ledger.objects import ObjectStore
from proofward.report.handover.models.exported_model import read_exported
from tests.cli.test_enrol import furnish
from tests.engines.remote_harness import AUDITOR, SERVER, Consortium, Lost, topic

pytestmark = pytest.mark.slow
KITS = ("hospital-0", "hospital-1", "hospital-2", AUDITOR, SERVER)


def exported(proofward, root, name: str):
    out = root / f"{name}.json"
    said = proofward.json("model", "export", root / name, "--to", "json", "--out", out, "--force")
    return said, out.read_bytes() if said["exit"] == 0 else b""


@pytest.fixture(scope="module")
def trial(proofward, tmp_path_factory):
    """What each kit gave before a round was closed, while round 2 was under way, and at the end."""
    root = tmp_path_factory.mktemp("trial")
    found: dict[str, dict] = {"nobody": {}, "before": {}, "within": {}, "after": {}}
    gates = {1: threading.Event(), 2: threading.Event()}
    reached = {1: threading.Event(), 2: threading.Event()}

    def trouble(site, request, number):
        if site == "hospital-0" and topic(request) == "upload":
            place = decode(request.envelope, Envelope).round
            reached[place].set()
            if not gates[place].is_set():
                raise Lost
        return 1, True

    with Consortium(root) as running:
        furnish(root)
        found["nobody"] = {name: exported(proofward, root, name) for name in KITS}
        running.wire.trouble = trouble
        try:
            running.start()
            for number, stage in ((1, "before"), (2, "within")):
                running.until(reached[number].is_set)
                running.until(lambda number=number: running.phase("upload", number))
                found[stage] = {name: exported(proofward, root, name) for name in KITS}
                gates[number].set()
            running.join()
        finally:
            for gate in gates.values():
                gate.set()
        assert running.audit() == []
        history = running.host.aggregator.history
    found["after"] = {name: exported(proofward, root, name) for name in KITS}
    return root, history, found


def test_before_a_round_is_closed_there_is_none(trial):
    _, _, found = trial
    for stage in ("nobody", "before"):
        for said, _ in found[stage].values():
            assert said["exit"] == 1 and said["did"] == "refused"
    assert "not everybody has joined" in found["nobody"]["hospital-0"][0]["reason"]
    assert all("no round has been closed" in said["reason"] for said, _ in found["before"].values())


@pytest.mark.parametrize(("stage", "number"), [("within", 1), ("after", 2)])
def test_every_kit_gives_the_same_bytes(trial, stage, number):
    _, history, found = trial
    files = {data for said, data in found[stage].values() if said["exit"] == 0}
    assert all(said["exit"] == 0 for said, _ in found[stage].values()) and len(files) == 1
    model = read_exported(files.pop())
    assert model.digest == history.closed[number - 1].aggregate.record.model
    assert (model.origin.round, model.origin.rounds) == (number, 2)
    assert model.origin.consortium == history.rules.digest
    assert model.origin.root == history.roots[model.origin.entries]
    closings = [place for place, kind in _kinds(trial) if kind == "round-closed"]
    assert model.origin.entries == closings[number - 1] + 1


def _kinds(trial):
    root, _, _ = trial
    database = Database(root / SERVER / "home" / "ledger", writable=False)
    try:
        return [(place, decode(data, Envelope).topic) for place, data in enumerate(database.entries())]
    finally:
        database.close()


def test_members_keep_the_last_model_and_nothing_else(trial):
    root, history, _ = trial
    for name in KITS[:-1]:
        home = Home(root / name / "home")
        for seat in home.seats:
            assert ObjectStore(home.member(seat.member) / "objects").digests() == [history.model]


def test_a_kit_predicts(proofward, trial, tmp_path):
    root, _, _ = trial
    model, table = tmp_path / "m.safetensors", tmp_path / "t.csv"
    assert proofward("model", "export", root / AUDITOR, "--to", "safetensors", "--out", model).exit_code == 0
    table.write_text("feature-1,feature-2,feature-3,feature-4\n0.5,0.25,-1,1\n")
    assert len(proofward.json("predict", model, table)["predictions"]) == 1


def test_a_model_that_is_not_there(proofward, trial):
    root, history, _ = trial
    for name in ("hospital-1", "verifier-1"):
        store = ObjectStore(root / "hospital-1" / "home" / "members" / name / "objects")
        data = store.get(history.model)
        store.path(history.model).unlink()
    said, _ = exported(proofward, root, "hospital-1")
    assert said["exit"] == 1 and history.model.hex() in said["reason"] and "is not here" in said["reason"]
    store.put(data)  # the verifier's copy is enough
    assert exported(proofward, root, "hospital-1")[0]["exit"] == 0


def test_the_coordinators_kit_has_no_ledger(proofward, tmp_path):
    (tmp_path / "startup").mkdir()
    (tmp_path / "startup" / "fed_admin.json").touch()
    result = proofward("model", "export", tmp_path, "--to", "json")
    assert result.exit_code == 1 and "coordinator" in result.stderr


def test_a_model_that_does_not_come_holds_nobody_up(tmp_path):
    noted = []
    objects = RemoteObjects(tmp_path, lambda request: Declined("object-missing", TRANSPORT, "it", "nothing"))
    kept = objects.store.put(b"an earlier one")
    objects.keep_results({bytes(32)}, lambda kind, **fields: noted.append((kind, fields)))
    assert noted == [("declined", {"check": "ObjectMissing", "object": bytes(32).hex()})]
    assert kept not in objects.store
