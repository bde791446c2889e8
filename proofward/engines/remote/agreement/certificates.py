"""The engine's certificates in a start-up kit: what vouches for a member's protocol key when it joins."""

from __future__ import annotations

from pathlib import Path


class Certificates:
    """`startup`: the folder of a kit that provisioning wrote."""

    def __init__(self, startup: Path) -> None:
        self.startup = startup

    @property
    def authority(self) -> bytes:
        """PEM certificate of the consortium's authority."""
        return (self.startup / "rootCA.pem").read_bytes()

    def _own(self, suffix: str) -> Path:
        found = [self.startup / f"{name}.{suffix}" for name in ("client", "server")]
        return next(path for path in found if path.exists())

    @property
    def certificate_path(self) -> Path:
        """The file of the site's certificate."""
        return self._own("crt")

    @property
    def certificate(self) -> bytes:
        """PEM certificate of the site."""
        return self._own("crt").read_bytes()

    @property
    def private_key(self) -> bytes:
        """PEM private key of the site's certificate."""
        return self._own("key").read_bytes()
