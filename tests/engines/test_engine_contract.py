"""Laws that every registered engine passes; an engine that is added to the registry is found here."""

from __future__ import annotations

import inspect
import os
import shutil
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from proofward.cli.run.demos.sites import terms_of
from proofward.engines.contract import (
    ADMIN,
    AUTHORITY,
    CLIENT,
    ENGINE_NAME,
    GOOD,
    KITS,
    PROBLEM,
    SERVER,
    WARNING,
    AlreadyRunning,
    Engine,
    EngineMissing,
    KitError,
    Network,
    RenewalRefused,
    WrongProxy,
    home_of,
)
from proofward.engines.local import free_port
from proofward.engines.registry import ENGINES, USUAL, engine_of, engine_of_authority
from proofward.engines.remote.agreement.home import Home
from proofward.report.demonstrations.scenario import make_scenario

SEED = b"seed of a comparison"


@pytest.fixture(scope="module", params=ENGINES)
def made(request, tmp_path_factory):
    """A consortium that the engine made: the engine, its folder, its network, its terms, its kits."""
    engine, folder = ENGINES[request.param], tmp_path_factory.mktemp("consortium")
    try:
        engine.require_installed()
    except EngineMissing as error:
        pytest.skip(str(error))
    network = Network("localhost", free_port())
    terms = terms_of(make_scenario("tiny", 3, 1, 0, 4), network.server)
    return engine, folder, network, terms, engine.provision(folder, network, terms, b"")


@pytest.fixture
def site(made, tmp_path):
    """A copy of a hospital's kit, which a test may change."""
    engine, _, _, _, kits = made
    return engine, shutil.copytree(kits["hospital-0"], tmp_path / "hospital-0")


def certificate(data: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(data)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_says_who_it_is(name):
    engine = ENGINES[name]
    assert isinstance(engine, Engine) and engine.name == name and USUAL in ENGINES
    assert engine.what and len(engine.what) < 80 and not engine.what.endswith(".")
    assert not inspect.isabstract(type(engine))
    for method in Engine.__abstractmethods__:
        ours, agreed = (inspect.signature(getattr(kind, method)) for kind in (type(engine), Engine))
        assert ours == agreed, method


@pytest.mark.slow
def test_every_site_has_a_kit_that_says_which_engine_made_it(made):
    engine, folder, network, terms, kits = made
    sites = {seat.site for seat in terms.seats}
    assert sites < set(kits) and kits == {name: folder / KITS / name for name in kits}
    assert network.server in sites
    for name, kit in kits.items():
        assert engine_of(kit) is engine
        assert Home(home_of(kit)).terms == terms and Home(home_of(kit)).site == name
        assert not Home(home_of(kit)).repeatable
    assert engine_of_authority(folder) is engine


def test_a_kit_of_an_earlier_release_names_no_engine(site):
    _, kit = site
    (home_of(kit) / ENGINE_NAME).unlink()
    assert engine_of(kit).name == "flare"


@pytest.mark.parametrize("content", [b"carrier pigeons\n", b"", b"\xff", b"../flare"])
def test_a_kit_of_an_unknown_engine_is_refused(site, content):
    _, kit = site
    (home_of(kit) / ENGINE_NAME).write_bytes(content)
    with pytest.raises(KitError, match=str(home_of(kit) / ENGINE_NAME)):
        engine_of(kit)


def test_what_is_made_is_for_its_owner_only(made):
    _, folder, *_ = made
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.slow
def test_a_seed_is_in_every_kit_and_said_to_be(made, tmp_path):
    engine, _, network, terms, _ = made
    kits = engine.provision(tmp_path / "seeded", network, terms, b"model", SEED)
    assert all(Home(home_of(kit)).repeatable for kit in kits.values())
    models = [name for name, kit in kits.items() if (home_of(kit) / "initial.model").exists()]
    assert models == [terms.aggregator.site]


def test_one_server_one_coordinator(made):
    engine, _, network, _, kits = made
    kinds = {name: engine.kind(kit) for name, kit in kits.items()}
    assert [name for name, kind in kinds.items() if kind == SERVER] == [network.server]
    assert [kind for kind in kinds.values() if kind != CLIENT].count(ADMIN) == 1
    assert {engine.server(kit) for kit in kits.values()} == {(network.server, network.port)}


@pytest.mark.slow
def test_certificates_vouch_for_a_sites_key(made):
    engine, _, _, terms, kits = made
    authorities, keys = set(), set()
    for name in {seat.site for seat in terms.seats}:
        held = engine.certificates(kits[name])
        own, authority = certificate(held.certificate), certificate(held.authority)
        own.verify_directly_issued_by(authority)
        (common,) = own.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        assert common.value == name
        assert load_pem_private_key(held.private_key, None).public_key() == own.public_key()
        assert own.not_valid_before_utc < datetime.now(UTC) - timedelta(hours=23)  # clocks differ
        authorities.add(held.authority)
        keys.add(held.private_key)
    assert len(authorities) == 1 and len(keys) == len({seat.site for seat in terms.seats})


def test_a_renewed_certificate_is_for_its_site_alone(made):
    engine, folder, _, _, kits = made
    now, authority = datetime.now(UTC), engine.authority(folder)
    assert set(authority.sites) >= {"hospital-0", "hospital-1"}
    old = certificate(engine.certificates(kits["hospital-0"]).certificate)
    days = (old.not_valid_after_utc - now).days + 9
    new = engine.check_renewed(authority.renew("hospital-0", now, days), kits["hospital-0"], now)
    assert new.public_key() == old.public_key() and new.not_valid_after_utc > old.not_valid_after_utc
    for data in (authority.renew("hospital-1", now, days), b"no certificate", authority.renew("hospital-0", now, 9)):
        with pytest.raises(RenewalRefused):
            engine.check_renewed(data, kits["hospital-0"], now)
    with pytest.raises(RenewalRefused):
        authority.renew("hospital-0", now, 100_000)


def test_no_authority_no_renewal(made, tmp_path):
    with pytest.raises(RenewalRefused, match=str(tmp_path / AUTHORITY)):
        made[0].authority(tmp_path)


def test_only_a_kit_is_one(made, tmp_path):
    engine = made[0]
    for ask in (engine.kind, engine.server, lambda kit: engine.require_possible(kit), engine.health):
        with pytest.raises(KitError, match=str(tmp_path)):
            ask(tmp_path)
    assert engine.running(tmp_path) is None
    assert [check.outcome for check in engine.checks(tmp_path, offline=True)] == [PROBLEM]


@pytest.mark.slow
def test_checks_find_what_is_wrong_and_say_what_to_do(site):
    engine, kit = site
    engine.require_possible(kit, joining=True)
    engine.configure(kit)
    found = list(engine.checks(kit, offline=True))
    assert {check.outcome for check in found} <= {GOOD, WARNING, PROBLEM}
    assert all(check.remedy for check in found if check.outcome == PROBLEM)
    assert len({check.name for check in found}) == len(found)
    held = engine.certificates(kit)
    held.certificate_path.write_bytes(b"nothing")
    assert "certificate" in {check.name for check in engine.checks(kit, offline=True) if check.outcome == PROBLEM}
    with pytest.raises(KitError, match="certificate: "):
        engine.require_possible(kit)


def test_health_of_a_kit_that_was_never_started(site):
    engine, kit = site
    found = engine.health(kit)
    assert found.process is None and not found.over and found.view.site == "hospital-0"
    assert {"no-key", "no-records"} <= {problem.check for problem in found.problems}


def test_a_kit_runs_once(site):
    engine, kit = site
    assert engine.running(kit) is None
    with engine.claimed(kit) as tell:
        assert engine.running(kit) is None
        tell()
        assert engine.running(kit) == os.getpid()
        with pytest.raises(AlreadyRunning), engine.claimed(kit):
            pass
    assert engine.running(kit) is None


def test_a_kit_that_is_stopped_at_once_has_run(site):
    engine, kit = site
    stop, told = Event(), []
    stop.set()
    with engine.claimed(kit):
        assert not engine.run(kit, stop, note=lambda kind, **fields: None, environment={},
                              ready=lambda: told.append("ready"))  # fmt: skip
    assert told == ["ready"]
    engine.end_leftovers(kit)


def test_connections_through_proxies_are_said(site, monkeypatch):
    engine, kit = site
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert all(type(value) is str for value in engine.environment(kit, "none").values())
    assert any("proxy.invalid" in value
               for value in engine.environment(kit, "http://proxy.invalid:3128").values())  # fmt: skip
    with pytest.raises(WrongProxy, match="--proxy"):
        engine.environment(kit, "nonsense")


def test_room_is_asked_for(made, tmp_path):
    made[0].require_room(tmp_path / "new" / "folder", 3)
    with pytest.raises(KitError, match="no room"):
        made[0].require_room(tmp_path, 1 << 40)
