"""Start-up kits of an authority of the tests' own: certificates and keys as provisioning writes them."""

from __future__ import annotations

import contextlib
import datetime
import json
import shutil
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proofward.engines.flare.kits.kit import certificates_of
from proofward.engines.remote.agreement.certificates import Certificates

DAY = datetime.timedelta(days=1)


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key of its own for every name, made once a process."""
    return rsa.generate_private_key(65537, 2048)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def issue(site: str, authority: str = "authority", days: tuple[int, int] = (-1, 100)) -> x509.Certificate:
    """A certificate of a site's key by an authority, valid from and until so many days from now."""
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(_name(authority), _name(site), rsa_key(site).public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now + days[0] * DAY).not_valid_after(now + days[1] * DAY)
    return builder.sign(rsa_key(authority), hashes.SHA256())


def pem(value: x509.Certificate | rsa.RSAPrivateKey) -> bytes:
    """A certificate or private key as kits have it."""
    encoding = serialization.Encoding.PEM
    if isinstance(value, x509.Certificate):
        return value.public_bytes(encoding)
    plain = serialization.NoEncryption()
    return value.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, plain)


def write_kit(folder: Path, site: str, prefix: str = "client") -> None:
    """The start-up folder of a site."""
    folder.mkdir(parents=True)
    (folder / "rootCA.pem").write_bytes(pem(issue("authority")))
    (folder / f"{prefix}.crt").write_bytes(pem(issue(site)))
    (folder / f"{prefix}.key").write_bytes(pem(rsa_key(site)))


def certificates(startup: Path) -> Certificates:
    """What `write_kit` wrote."""
    return certificates_of(startup.parent)


def furnish_kit(place: Path) -> None:
    """Makes ROOT/SITE what commands take for a kit: its home under the name there, and FLARE's description."""
    if not (place / "proofward").exists():
        (place / "proofward").symlink_to(place / "home")
    kind = "server" if (place / "startup" / "server.crt").exists() else "client"
    service = {"target": "server.invalid:8002"}
    described = json.dumps({"servers": [{"name": "proofward", "service": service}]})
    (place / "startup" / f"fed_{kind}.json").write_text(described)


def copy_of_a_living_folder(source: Path, copy: Path) -> Path:
    """A copy of a folder in which somebody writes: a file that it is just about to rename is left out."""

    def file(name: str, to: str) -> str:
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(name, to)
        return to

    return Path(shutil.copytree(source, copy, copy_function=file, ignore=shutil.ignore_patterns("*.tmp")))


def as_kit(site: Path, place: Path) -> Path:
    """A copy of ROOT/SITE at `place`, as a kit."""
    copy_of_a_living_folder(site / "home", place / "proofward")
    shutil.copytree(site / "startup", place / "startup")
    furnish_kit(place)
    return place
