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

    def _own(self, suffix: str) -> bytes:
        found = [self.startup / f"{name}.{suffix}" for name in ("client", "server")]
        return next(path for path in found if path.exists()).read_bytes()

    @property
    def certificate(self) -> bytes:
        """PEM certificate of the site."""
        return self._own("crt")

    @property
    def private_key(self) -> bytes:
        """PEM private key of the site's certificate."""
        return self._own("key")
