"""`proofward doctor`: each thing broken, found and named with what to do."""

from __future__ import annotations

import datetime
import importlib.metadata
import shutil
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proofward.engines.local import SERVER


@pytest.fixture
def kit(consortium, tmp_path):
    shutil.copytree(consortium.kits["hospital-0"], tmp_path / "kit")
    return tmp_path / "kit"


@pytest.fixture
def diagnose(proofward):
    def run(kit, *options):
        found = proofward.json("doctor", kit, *options)
        checks = {check["name"]: check for check in found["checks"]}
        assert found["exit"] == (1 if found["problems"] else 0)
        assert all(check["remedy"] for check in found["checks"] if check["outcome"] == "problem")
        return checks

    return run


def certificate(key, issuer_name, issuer_key, days):
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hospital-0")])
    start = now + datetime.timedelta(days=min(days) - 1)
    builder = (
        x509.CertificateBuilder().subject_name(name).issuer_name(issuer_name).public_key(key.public_key())
    )
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start)
    signed = builder.not_valid_after(now + datetime.timedelta(days=max(days))).sign(
        issuer_key, hashes.SHA256()
    )
    return signed.public_bytes(serialization.Encoding.PEM)


@pytest.mark.slow
def test_a_good_kit(diagnose, kit):
    checks = diagnose(kit, "--offline")
    assert all(check["outcome"] != "problem" for check in checks.values())
    assert "connection" not in checks and checks["key of hospital-0"]["outcome"] == "ok"


def test_what_is_no_kit(proofward, tmp_path):
    found = proofward.json("doctor", tmp_path)
    assert found["exit"] == 2 and "no start-up kit" in found["error"]
    (tmp_path / "startup").mkdir()
    found = proofward.json("doctor", tmp_path)
    assert found["exit"] == 1 and found["checks"][0]["name"] == "kit"


@pytest.mark.parametrize(
    "name", ["startup/client.key", "proofward/members/hospital-0/identity.key", "proofward"]
)
def test_loose_permissions(diagnose, kit, name):
    (kit / name).chmod(0o755)
    check = diagnose(kit, "--offline")["permissions"]
    assert check["outcome"] == "problem" and name in check["detail"] and "chmod" in check["remedy"]


def test_missing_keys_and_records(diagnose, kit):
    (kit / "proofward/members/verifier-0/identity.key").unlink()
    (kit / "proofward/members/hospital-0/dataset.npz").unlink()
    checks = diagnose(kit, "--offline")
    assert (
        "join" in checks["key of verifier-0"]["remedy"]
        and "enrol" in checks["records of hospital-0"]["remedy"]
    )


@pytest.mark.slow
def test_passphrases(diagnose, kit, tmp_path, monkeypatch):
    from proofward.engines.remote.agreement.home import PASSPHRASE_VARIABLE, Home

    monkeypatch.setenv(PASSPHRASE_VARIABLE, "")  # taken back at the end, whatever the command sets
    (kit / "proofward/members/hospital-0/identity.key").unlink()
    Home(kit / "proofward").make_key("hospital-0", b"open sesame")
    assert diagnose(kit, "--offline")["key of hospital-0"]["outcome"] == "warning"
    for text, outcome in ((b"open sesame\n", "ok"), (b"wrong", "problem")):
        (tmp_path / "passphrase").write_bytes(text)
        checks = diagnose(kit, "--offline", "--passphrase-file", tmp_path / "passphrase")
        assert checks["key of hospital-0"]["outcome"] == outcome


@pytest.mark.parametrize(
    ("days", "outcome"), [((-9, -2), "problem"), ((9, 20), "problem"), ((0, 5), "warning"), ((0, 90), "ok")]
)
def test_certificates_in_time(diagnose, kit, days, outcome):
    kit_with_certificates(kit, days)
    assert diagnose(kit, "--offline")["certificate"]["outcome"] == outcome


def kit_with_certificates(kit, days):
    """Replaces a kit's certificates by such as are valid from and until so many days after today."""
    key, authority = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    (kit / "startup/rootCA.pem").write_bytes(authority_certificate(authority, name))
    (kit / "startup/client.crt").write_bytes(certificate(key, name, authority, days))
    plain = serialization.NoEncryption()
    data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (kit / "startup/client.key").write_bytes(data)


def authority_certificate(key, name):
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=99))
        .not_valid_after(now + datetime.timedelta(days=900))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.slow
def test_another_authority_or_site(diagnose, kit, consortium):
    shutil.copy(consortium.kits["hospital-1"] / "startup/client.crt", kit / "startup/client.crt")
    assert "hospital-1" in diagnose(kit, "--offline")["certificate"]["detail"]
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    (kit / "startup/client.crt").write_bytes(certificate(key, name, key, (0, 90)))
    assert diagnose(kit, "--offline")["certificate"]["outcome"] == "problem"


def test_versions_and_disk(diagnose, kit, monkeypatch):
    version = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "9.9" if name == "nvflare" else version(name)
    )
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 1))
    checks = diagnose(kit, "--offline")
    assert checks["nvflare"]["outcome"] == "warning" and checks["disk"]["outcome"] == "problem"


def test_nobody_listens(diagnose, kit):
    checks = diagnose(kit)
    assert checks["connection"]["outcome"] == "problem" and "started" in checks["connection"]["remedy"]


@pytest.mark.parametrize(("own", "outcome"), [(True, "ok"), (False, "problem")])
def test_who_answers_at_the_port(diagnose, kit, consortium, own, outcome):
    server = consortium.kits[SERVER if own else "hospital-1"] / "startup"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    kind = "server" if own else "client"
    context.load_cert_chain(server / f"{kind}.crt", server / f"{kind}.key")
    context.load_verify_locations(server / "rootCA.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", consortium.network.port)) as listener:

        def serve():
            try:
                with context.wrap_socket(listener.accept()[0], server_side=True) as peer:
                    peer.sendall(b"hello")
                    peer.recv(1)
            except OSError:
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert diagnose(kit)["connection"]["outcome"] == outcome
        thread.join(10)


@pytest.mark.slow
def test_the_servers_port(diagnose, consortium):
    assert diagnose(consortium.kits[SERVER])["port"]["outcome"] == "ok"
    with socket.create_server(("", consortium.network.port)):
        assert diagnose(consortium.kits[SERVER])["port"]["outcome"] == "problem"
