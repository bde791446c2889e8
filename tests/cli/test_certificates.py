"""`proofward certificates`: renewed for the same keys, and nothing else is put into a kit."""

from __future__ import annotations

import shutil
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

pytest.importorskip("nvflare")
SITES = ("--hospital", "a", "--hospital", "b", "--hospital", "c", "--verifier", "a", "--verifier", "o")
SERVER = "fl.example.org"


@pytest.fixture(scope="module")
def made(proofward, tmp_path_factory) -> Path:
    """A consortium's folder and its renewed certificates, which no test changes."""
    folder = tmp_path_factory.mktemp("renewal") / "consortium"
    said = proofward.json("consortium", "init", folder, "--title", "T", "--server", f"{SERVER}:8102", *SITES)
    assert said["exit"] == 0
    said = proofward.json("certificates", "renew", folder, "--days", 500)
    assert said["did"] == "renewed" and {"a", "b", "c", "o", SERVER} < set(said["sites"])
    return folder


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture
def kit(made, tmp_path) -> Path:
    return Path(shutil.copytree(made / "kits" / "a", tmp_path / "a"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "site, name", [("a", "client"), (SERVER, "server"), ("coordinator@proofward.local", "client")]
)
def test_a_renewed_certificate_is_put_in(proofward, made, tmp_path, site, name):
    kit = Path(shutil.copytree(made / "kits" / site, tmp_path / "kit"))
    old = loaded(kit / "startup" / f"{name}.crt")
    said = proofward.json("certificates", "install", kit, made / "renewed" / f"{site}.crt")
    assert (said["exit"], said["did"]) == (0, "installed")
    new = loaded(kit / "startup" / f"{name}.crt")
    assert new.public_key() == old.public_key() and new.subject == old.subject and new.issuer == old.issuer
    assert list(new.extensions) == list(old.extensions) and new.serial_number != old.serial_number
    now = datetime.now(UTC)
    assert new.not_valid_before_utc < now - timedelta(hours=23) and new.not_valid_after_utc > now + timedelta(
        days=499
    )
    assert (kit / "startup" / f"{name}.crt").stat().st_mode & 0o777 == 0o600
    context = ssl.create_default_context(cafile=str(kit / "startup" / "rootCA.pem"))
    context.load_cert_chain(kit / "startup" / f"{name}.crt", kit / "startup" / f"{name}.key")


def test_rejects_what_is_not_for_this_kit(proofward, made, kit, tmp_path):
    before = (kit / "startup" / "client.crt").read_bytes()
    (tmp_path / "junk").write_bytes(b"\x00junk")
    long = made / "authority" / "proofward" / "state" / "cert.json"
    forged = tmp_path / "forged.crt"
    renewed = loaded(made / "renewed" / "a.crt")
    der = bytearray(renewed.public_bytes(Encoding.DER))
    der[-1] ^= 1
    forged.write_bytes(x509.load_der_x509_certificate(bytes(der)).public_bytes(Encoding.PEM))
    for file in (tmp_path / "junk", long):
        said = proofward("certificates", "install", kit, file)
        assert said.exit_code == 2 and "PEM" in said.stderr
    for file, words in (
        (made / "renewed" / "b.crt", "expected the certificate of"),
        (kit / "startup" / "client.crt", "no later"),
        (forged, "not signed by this consortium"),
    ):
        said = proofward.json("certificates", "install", kit, file)
        assert (said["exit"], said["did"]) == (1, "refused") and words in said["reason"], said
    assert (kit / "startup" / "client.crt").read_bytes() == before


@pytest.mark.slow
def test_rejects_another_consortiums_authority(proofward, made, kit, tmp_path):
    other = tmp_path / "other"
    proofward.json("consortium", "init", other, "--title", "T", "--server", f"{SERVER}:8102", *SITES)
    proofward.json("certificates", "renew", other, "--days", 500)
    said = proofward.json("certificates", "install", kit, other / "renewed" / "a.crt")
    assert said["exit"] == 1 and "another key" in said["reason"]


def test_rejects_renewals_that_cannot_be_made(proofward, made, tmp_path):
    unknown = proofward.json("certificates", "renew", made, "--site", "nobody")
    assert unknown["exit"] == 1 and "nobody" in unknown["reason"]
    assert proofward("certificates", "renew", made, "--days", 4000).exit_code == 2
    elsewhere = proofward.json("certificates", "renew", tmp_path)
    assert elsewhere["exit"] == 2 and "no consortium's folder" in elsewhere["error"]
    state = tmp_path / "authority" / "proofward" / "state"
    state.mkdir(parents=True)
    missing = proofward.json("certificates", "renew", tmp_path)
    assert missing["exit"] == 1 and "cert.json" in missing["reason"]
    for junk in (b"", b"[]", b'{"root_cert": 1, "root_pri_key": ""}', b"[" * 100_000, b"{}"):
        (state / "cert.json").write_bytes(junk)
        said = proofward.json("certificates", "renew", tmp_path)
        assert said["exit"] == 1 and "not the file" in said["reason"], (junk[:40], said)
