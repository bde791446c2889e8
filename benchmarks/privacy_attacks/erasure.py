"""E1: whether a secret whose use is over is anywhere in a member's files.

A whole federation with real proofs. Every secret that is stored, and every key under which secrets lay, is
noted as it is made. After every step of the run all files of all members are searched for each of them: a
secret never lies there in clear, and no key that was replaced is left. When the federation is closed nothing
is kept.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

from proofward.engines.in_process import InProcessFederation
from proofward.federation.storage.ratchet import Ratchet, name_of
from proofward.federation.storage.secret_store import SecretStore
from proofward.report.demonstrations.scenario import make_scenario

Line = dict[str, object]
PUBLISHED = "beacon/own-share"
"""What a member says openly in the end."""
PIECE = 16
_PUT, _ADD, _ERASE = SecretStore.put, Ratchet.add, Ratchet.erase_others


class Noted:
    """What was stored, and the keys under which it lay.

    secrets: pieces of everything ever stored. keys: by file, every key that was put in. erased: keys that
    have been replaced.
    """

    def __init__(self) -> None:
        self.secrets: set[bytes] = set()
        self.keys: dict[Path, set[bytes]] = {}
        self.erased: set[bytes] = set()

    def store(self, store: SecretStore, name: str, secret: bytes) -> None:
        """In place of `SecretStore.put`."""
        _PUT(store, name, secret)
        if name != PUBLISHED:
            self.secrets.update(_pieces(secret))

    def add(self, ratchet: Ratchet, key: bytes, in_force: bytes) -> None:
        """In place of `Ratchet.add`."""
        _ADD(ratchet, key, in_force)
        self.keys.setdefault(ratchet.path, set()).add(key)

    def erase(self, ratchet: Ratchet, name: bytes) -> None:
        """In place of `Ratchet.erase_others`."""
        _ERASE(ratchet, name)
        self.erased |= {key for key in self.keys.get(ratchet.path, set()) if name_of(key) != name}

    def found(self, folder: Path) -> int:
        """How many lie in the files under a folder."""
        data = b"\xff".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
        return sum(piece in data for piece in self.secrets | self.erased)


def _pieces(secret: bytes) -> set[bytes]:
    """Some of its bytes that nothing else would have by chance."""
    starts = range(0, min(len(secret), 64) - PIECE + 1, PIECE)
    pieces = {secret[start : start + PIECE] for start in starts}
    return {piece for piece in pieces if len(set(piece)) > PIECE // 2}


def erased(rounds: int) -> Line:
    """E1."""
    scenario, noted, found, steps = make_scenario("tiny", 3, rounds, 1, 1), Noted(), 0, 0
    datasets = {own: (rows.features, rows.labels) for own, rows in scenario.hospitals.items()}
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(SecretStore, "put", lambda *own: noted.store(*own)),
        patch.object(Ratchet, "add", lambda *own: noted.add(*own)),
        patch.object(Ratchet, "erase_others", lambda *own: noted.erase(*own)),
    ):
        engine = InProcessFederation(Path(folder) / "run", scenario.plan, datasets, seed=bytes(32))

        def look() -> bool:
            nonlocal found, steps
            found += noted.found(engine.folder.private)
            steps += 1
            return False

        finished = engine.run(look).finished
        found += noted.found(engine.folder.private)
    return {
        "attack": "E1", "what": "erased secrets", "sees": "all files of all members, after every step",
        "rounds": rounds, "finished": finished, "steps": steps,
        "pieces_of_secrets": len(noted.secrets), "replaced_keys": len(noted.erased),
        "found": found, "limit": {"found": 0},
        "exceeded": not finished or found > 0 or not noted.secrets or not noted.erased,
    }  # fmt: skip
