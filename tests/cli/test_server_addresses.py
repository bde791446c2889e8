"""A server under several names and IP addresses: what is refused, its certificate, and who connects where."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from proofward.cli.run.demos.sites import terms_of
from proofward.engines.contract import KitError, Network
from proofward.engines.flare.condition.checks import examine
from proofward.engines.flare.condition.reaching import answering_address, pointer
from proofward.engines.flare.kits.addresses import addresses_of, equip, server_of
from proofward.engines.flare.kits.provision import COORDINATOR
from proofward.engines.flare.supervisor import Supervisor
from proofward.engines.local import SERVER, LocalConsortium, free_port
from proofward.engines.remote.agreement.addresses import split_port
from proofward.report.demonstrations.scenario import make_scenario

SITES = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "a", "--verifier", "o")
GIVEN = ("--server", "10.0.0.5", "--server", "FL.example.org:8102", "--server", "[2001:DB8:0::7]:8102")
CANONICAL = ("10.0.0.5", "fl.example.org", "2001:db8::7")
HERE = (SERVER, "127.0.0.1", "::1")


def init(proofward, folder: Path, *servers: str, more=()) -> tuple:
    options = [word for server in servers for word in ("--server", server)]
    return proofward("consortium", "init", folder, "--no-dp", "--title", "T", *options, *SITES, *more)


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        (("0.0.0.0",), "stands for every address"),
        (("::",), "stands for every address"),
        (("224.0.0.1",), "multicast"),
        (("ff02::1",), "multicast"),
        (("255.255.255.255",), "reserved"),
        (("250.1.2.3",), "reserved"),
        (("fe80::1",), "one network cable"),
        (("::ffff:10.0.0.5",), "write it as IPv4"),
        (("10.0.0.256",), "no such name"),
        (("010.0.0.5",), "no such name"),
        (("fl.example.org.",), "no such name"),
        (("fl.example.org:0",), "a port from 1 to 65535"),
        (("10.0.0.5:65536",), "a port from 1 to 65535"),
        (("10.0.0.5:",), "a port from 1 to 65535"),
        (("[::1]:x",), "a port from 1 to 65535"),
        (("[10.0.0.5]:80",), "an IPv6 address in brackets"),
        (("2001:db8::zz:80",), "[ADDRESS]:PORT"),
        (("10.0.0.5", "10.0.0.5"), "10.0.0.5 twice"),
        (("::1", "0:0:0:0:0:0:0:1"), "::1 twice"),
        (("fl.example.org", "FL.example.org"), "twice"),
        (("10.0.0.5:8002", "10.0.0.6:8003"), "one port for all"),
        (tuple(f"10.0.0.{number}" for number in range(1, 10)), "1 to 8 names or addresses"),
        (("",), "no such name"),
    ],
)
def test_rejects_addresses_that_cannot_work(proofward, tmp_path, servers, words):
    result = init(proofward, tmp_path / "c", *servers, more=("--draft",))
    assert result.exit_code == 2 and words in result.stderr, result.stderr
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("fl.example.org", ("fl.example.org", None)),
        ("Fl.Example.org:1", ("fl.example.org", 1)),
        ("10.0.0.5:65535", ("10.0.0.5", 65535)),
        ("2001:db8::8002", ("2001:db8::8002", None)),
        ("[2001:db8::1]:8002", ("2001:db8::1", 8002)),
        ("[2001:db8::1]", ("2001:db8::1", None)),
    ],
)
def test_a_host_and_its_port(text, found):
    assert split_port(text) == found


@pytest.fixture(scope="module")
def made(proofward, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("addresses") / "consortium"
    result = proofward("consortium", "init", folder, "--no-dp", "--title", "T", *GIVEN, *SITES, "--draft")
    assert result.exit_code == 0, result.stderr
    result = proofward("consortium", "init", folder)
    assert result.exit_code == 0, result.stderr
    assert "server 10.0.0.5 or fl.example.org or 2001:db8::7, port 8102" in result.stdout
    assert "\none hospital that is revoked, or leaves, ends the federation\n" in result.stdout
    return folder


def hosts_in(path: Path) -> tuple[list[str], list[str]]:
    loaded = x509.load_pem_x509_certificate(path.read_bytes())
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.DNSName), list(map(str, names.get_values_for_type(x509.IPAddress)))


@pytest.mark.slow
def test_the_certificate_has_all_and_a_renewed_one_too(proofward, made):
    assert '["10.0.0.5", "fl.example.org", "2001:db8::7"]' in (made / "consortium.toml").read_text()
    assert proofward("certificates", "renew", made, "--days", 500).exit_code == 0
    startup = made / "kits" / "fl.example.org" / "startup"
    for path in (startup / "server.crt", made / "renewed" / "fl.example.org.crt"):
        assert hosts_in(path) == (["fl.example.org"], ["10.0.0.5", "2001:db8::7"])


def test_every_kit_knows_all_and_connects_to_the_first(made):
    for kit in (made / "kits").iterdir():
        assert addresses_of(kit) == CANONICAL
        assert server_of(kit) == ("0" if kit.name == "fl.example.org" else "10.0.0.5", 8102)


@pytest.mark.slow
def test_an_added_site_knows_all_too(proofward, made, tmp_path):
    folder = Path(shutil.copytree(made, tmp_path / "c"))
    result = proofward("consortium", "add-site", folder, "d")
    assert result.exit_code == 0, result.stderr
    assert addresses_of(folder / "kits" / "d") == CANONICAL
    assert server_of(folder / "kits" / "d") == ("10.0.0.5", 8102)


@pytest.mark.slow
def test_a_server_without_a_name(proofward, tmp_path):
    result = init(proofward, tmp_path / "c", "2001:db8::7")
    assert result.exit_code == 0, result.stderr
    kits = tmp_path / "c" / "kits"
    assert hosts_in(kits / "server" / "startup" / "server.crt") == ([], ["2001:db8::7"])
    described = json.loads((kits / "a" / "startup" / "fed_client.json").read_text())
    assert described["servers"][0]["service"]["target"] == "%5B2001%3Adb8%3A%3A7%5D:8002"
    assert server_of(kits / COORDINATOR) == ("2001:db8::7", 8002)


def test_a_site_cannot_have_the_servers_name(proofward, tmp_path):
    result = init(proofward, tmp_path / "c", "10.0.0.5", "a", more=("--draft",))
    assert result.exit_code == 2 and "another name than the server's" in result.stderr


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> LocalConsortium:
    """Kits for a server of this machine, none started."""
    scenario = make_scenario("tiny", 3, 1, 0, 4)
    local = LocalConsortium(tmp_path_factory.mktemp("here") / "c", Network(SERVER, free_port(), HERE))
    records = {name: (held.features, held.labels) for name, held in scenario.hospitals.items()}
    local.create(terms_of(scenario, SERVER), scenario.plan.initial_model, records)
    return local


@pytest.fixture
def kit(local, tmp_path) -> Path:
    return Path(shutil.copytree(local.kits["hospital-0"], tmp_path / "kit"))


@contextmanager
def answering(local: LocalConsortium, address: str, own: bool = True):
    """A TLS server with the server's certificate, or a hospital's, at one address of this machine."""
    kit, kind = (SERVER, "server") if own else ("hospital-1", "client")
    startup = local.kits[kit] / "startup"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(startup / f"{kind}.crt", startup / f"{kind}.key")
    context.load_verify_locations(startup / "rootCA.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, local.network.port), family=family)

    def serve() -> None:
        while True:
            try:
                plain = listener.accept()[0]
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as peer:
                    peer.sendall(b"hello")
                    peer.recv(1)
            except OSError:
                continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


@pytest.mark.slow
@pytest.mark.parametrize(("address", "found"), [("127.0.0.1", SERVER), ("::1", "::1")])
def test_a_kit_connects_to_the_first_that_answers(local, kit, address, found):
    equip(kit, HERE if address == "::1" else (SERVER, "127.0.0.1"))
    with answering(local, address):
        assert answering_address(kit) == found
        pointer(kit, None, proxied=False)()
        assert server_of(kit) == (found, local.network.port)
        pointer(kit, None, proxied=True)()
        assert server_of(kit)[0] == SERVER


def test_another_machine_at_the_address_is_no_answer(local, kit):
    with answering(local, "127.0.0.1", own=False):
        assert answering_address(kit) is None
        equip(kit, ("::1", "127.0.0.1"))
        with answering(local, "::1"):
            equip(kit, ("127.0.0.1", "::1"))
            assert answering_address(kit) == "::1"


@pytest.mark.slow
def test_the_one_that_start_is_told(proofward, kit, monkeypatch):
    def run(supervisor: Supervisor) -> None:
        supervisor._before()

    monkeypatch.setattr(Supervisor, "run", run)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    for given, found in (("127.0.0.1", "127.0.0.1"), ("0:0::1", "::1"), ("LOCALHOST", SERVER)):
        assert proofward("start", kit, "--server", given).exit_code == 0
        assert server_of(kit)[0] == found
    result = proofward("start", kit, "--server", "10.9.9.9")
    assert result.exit_code == 1 and "none of the server's names and addresses" in result.stdout
    assert server_of(kit)[0] == SERVER


@pytest.mark.slow
def test_doctor_looks_at_each(local, kit):
    def outcomes() -> dict[str, str]:
        return {check.name: check.outcome for check in examine(kit) if check.name.startswith("connection")}

    names = [f"connection {host}" for host in HERE]
    assert outcomes() == dict.fromkeys(names, "problem")
    with answering(local, "::1"):
        assert outcomes() == dict(zip(names, ("problem", "problem", "ok"), strict=True)) | {
            names[0]: outcomes()[names[0]],
            names[1]: "warning",
        }


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"[1]", b'["0.0.0.0"]', b'["a b"]', b"[" * 100_000])
def test_rejects_a_damaged_list_of_addresses(proofward, kit, content):
    (kit / "startup" / "server_addresses.json").write_bytes(content)
    with pytest.raises(KitError, match="ask the coordinator for the kit again"):
        addresses_of(kit)
    assert proofward("start", kit).exit_code == 1


def test_a_kit_of_before_has_one_address(kit):
    (kit / "startup" / "server_addresses.json").unlink()
    assert addresses_of(kit) == (SERVER,)
