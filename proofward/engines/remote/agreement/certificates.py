"""The engine's certificates in a start-up kit: what vouches for a member's protocol key when it joins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """Where a kit has them, in PEM. Files are read when they are asked for: a renewal replaces one."""

    authority_path: Path
    certificate_path: Path
    key_path: Path

    @property
    def authority(self) -> bytes:
        """PEM certificate of the consortium's authority."""
        return self.authority_path.read_bytes()

    @property
    def certificate(self) -> bytes:
        """PEM certificate of the site."""
        return self.certificate_path.read_bytes()

    @property
    def private_key(self) -> bytes:
        """PEM private key of the site's certificate."""
        return self.key_path.read_bytes()
