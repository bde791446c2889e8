"""Statistics counted by kits: their terms, what `enrol` takes in, and what every member can read at the end."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from proofward.engines.remote.agreement import site_ledger
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.hosting.desk import Desk
from proofward.engines.remote.site import Site
from proofward.federation.parties.equipment.counting import CountsUnavailable
from proofward.statistics.source import VALUES, kept_source, layout_of_rounds, values_from_bytes
from tests.cli.own_statistics import ROWS, write_all, write_uncentred
from tests.engines.remote_harness import Wire
from tests.engines.remote_kits import certificates
from tests.federation.fakes import FakeProofs
from tests.patience import PATIENCE


@pytest.fixture(scope="module")
def provisioned(proofward, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kits")
    path, (tables, files) = write_uncentred(folder), write_all(folder)
    path.write_text(path.read_text().replace("[model]", "[policy]\nupload_slot = 0\n[model]"))
    said = proofward.json("consortium", "statistics", path, "--kits")
    assert said["exit"] == 0, said
    kits = {kit["site"]: folder / "statistics" / "kits" / kit["site"] for kit in said["kits"]}
    for name in ("localhost", *ROWS):
        joined = proofward("join", kits[name])
        assert joined.exit_code == 0 and "nobody trains, no records are enrolled" in joined.stdout
    for name, file in zip(ROWS, files, strict=True):
        assert proofward.json("enrol", kits[name], "--data", file)["exit"] == 0
    told = proofward.json("enrol", kits["a"], "--data", files[0], "--replace")
    assert told["noted"] == [] and {"a", "b", "c"} <= {own.member for own in site_ledger.read()}
    return path, kits, tables, files


def counted(kits) -> list[dict]:
    """Runs desk and sites of these kits, with proofs of nothing, until the end; what sites have noted."""
    homes = {name: Home(kits[name] / "proofward") for name in kits if name != "coordinator@proofward.local"}
    for home in homes.values():
        home.confirm(None)
    stop, notes = threading.Event(), []
    desk = Desk(homes["localhost"], certificates(kits["localhost"] / "startup"))
    wire = Wire(desk.answer)
    sites = [
        Site(homes[name], certificates(kits[name] / "startup"), wire.carrier(name), stop, proofs=FakeProofs(),
             note=lambda kind, **fields: notes.append({"kind": kind, **fields}))
        for name in ROWS
    ]  # fmt: skip
    threads = [threading.Thread(target=site.run) for site in sites]
    for thread in threads:
        thread.start()
    while desk.host is None:
        assert not stop.wait(0.05)
    desk.host.run(stop.is_set)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert not any(site.failures for site in sites)
    desk.host.aggregator.seal()
    desk.host.aggregator.ledger.close()
    return notes, wire


def test_sites_count_their_tables_and_all_read_the_sums(proofward, provisioned):
    path, kits, tables, files = provisioned
    notes, wire = counted(kits)
    said = proofward.json("consortium", "statistics", path, "--from", kits["localhost"])
    assert said["exit"] == 0 and said["rows"] == sum(ROWS.values()) and said["hospitals"] == list(ROWS)
    own = next(column for column in said["columns"] if column["name"] == "age")
    plain = np.array([age for table in tables for age in table["age"] if age != -9])
    assert abs(own["centre"] - plain.mean()) <= own["precision"] * 1.000001
    assert abs(own["spread"] - plain.std()) <= own["precision"] * 1.000001
    for name in ROWS:
        again = proofward.json("consortium", "statistics", path, "--from", kits[name])
        assert (again["columns"], again["ledger"]) == (said["columns"], said["ledger"])
    written = proofward.json("consortium", "statistics", path, "--from", kits["b"], "--write")
    assert written["exit"] == 0 and said["ledger"] in path.read_text()
    refused = proofward.json("enrol", kits["a"], "--data", files[0], "--replace")
    assert refused["exit"] == 1 and "its records are fixed" in refused["reason"]
    assert_nothing_of_one_site(kits, notes, wire)


def assert_nothing_of_one_site(kits, notes, wire) -> None:
    """No value of a table and no vector of a hospital's own is in logs, ledgers or requests."""
    sent = b"".join(repr(request).encode() for _, request in wire.requests) + json.dumps(notes, default=repr).encode()
    for kit in kits.values():
        for file in (kit / "proofward").rglob("*"):
            if file.is_file() and file.name != VALUES and "members" not in file.parts:
                sent += file.read_bytes()
    for name in ROWS:
        values = values_from_bytes((kits[name] / "proofward" / "members" / name / VALUES).read_bytes())
        assert values.rows == ROWS[name]
        for column in (values.columns[0], values.columns[3]):
            for start in range(0, len(column.known) - 2, 3):
                assert column.known[start : start + 2].tobytes() not in sent


def test_the_terms_say_what_is_counted(provisioned):
    _, kits, *_ = provisioned
    terms = Home(kits["a"] / "proofward").terms
    layout = layout_of_rounds(terms.counted)
    assert layout.least_count == 5 and layout.steps == ("outline", "histograms", "moments")
    assert terms.federation.startswith("Kinds; statistics; columns ") and terms.check().counts_only


def test_a_hospital_without_a_table_cannot_count(tmp_path, provisioned):
    _, kits, *_ = provisioned
    task = type("Task", (), {"counting": Home(kits["a"] / "proofward").terms.counted[0], "sums": ()})()
    with pytest.raises(CountsUnavailable, match="no table that can be counted"):
        kept_source(tmp_path)(task)
    (tmp_path / VALUES).write_bytes(b"PK")
    with pytest.raises(CountsUnavailable, match="no table that can be counted"):
        kept_source(tmp_path)(task)


def test_kits_are_not_made_twice(proofward, provisioned):
    path, *_ = provisioned
    again = proofward.json("consortium", "statistics", path, "--kits")
    assert again["exit"] == 1 and "has kits already" in again["reason"]
