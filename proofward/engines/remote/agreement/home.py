"""A site's folder: what it agreed to, its members' keys, states and data, the objects it has fetched.

HOME/terms, rules              what was agreed; the rules, once everybody has joined
HOME/confirmed                 the consortium's fingerprint, once the operator has compared it
HOME/added                     in the kit of a hospital that the terms do not name: verifiers have to admit it
HOME/members/NAME/             identity.key, state.sqlite, dataset.npz, objects/, phase-time   (mode 0700)
HOME/ledger, incoming, joins   the aggregator's ledger, objects on their way, requests to join
HOME/served                    for how long the present phase has been open to members, at the aggregator
HOME/log.jsonl                 what happened, for operators
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from proofward.engines.remote.agreement.terms import Seat, Terms, added_seat
from proofward.federation.messages.basics.clock import Clock, repeatable_clock, system_clock
from proofward.federation.messages.consortium.rules import Rules, RulesError
from proofward.federation.messages.randomness import Randomness, SeededRandomness, SystemRandomness
from proofward.ledger.files import make_directory, write_file
from proofward.ledger.keys import SigningKey
from proofward.statistics.source import VALUES

Signed = NDArray[np.int64]
TERMS, RULES, SITE, SEED, MODEL = "terms", "rules", "site", "seed-for-repeatable-runs", "initial.model"
KEY, NEXT_KEY, STATE, DATASET = "identity.key", "next.key", "state.sqlite", "dataset.npz"
PATIENTS = "patients"
LOG, CONFIRMED, ADDED = "log.jsonl", "confirmed", "added"
STOPPED = "stopped"
"""Name of the file in which the host of a federation that has stopped for good leaves the reason."""
UNCOMPARED = "not compared"
PASSPHRASE_VARIABLE = "PROOFWARD_PASSPHRASE_FILE"


class HomeError(Exception):
    """A site's folder is not as it should be: what is wrong and what to do."""


class Home:
    """One site's folder. Everything private in it is readable by its owner only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(
        cls, root: Path, site: str, terms: Terms, model: bytes | None, seed: bytes | None = None
    ) -> Home:
        """A new folder; model: for the aggregator's site."""
        make_directory(root)
        root.chmod(0o700)
        home = cls(root)
        home.write(TERMS, terms.data)
        home.write(SITE, site.encode())
        if model is not None:
            home.write(MODEL, model)
        if seed is not None:
            home.write(SEED, seed)
        return home

    def write(self, name: str, data: bytes) -> None:
        """Writes a file of the folder, durably, mode 0600."""
        write_file(self.root / name, data, self.root / f".{name}.tmp", mode=0o600)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Writes files of the folder, as `write`."""
        for name, data in files.items():
            self.write(name, data)

    def read(self, name: str) -> bytes:
        """A file of the folder; raises HomeError."""
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise HomeError(f"{self.root / name}: {error.strerror}; is this a site's kit?") from error

    @property
    def site(self) -> str:
        """The site's name."""
        try:
            return self.read(SITE).decode()
        except UnicodeDecodeError as error:
            words = f"{self.root / SITE} is damaged: ask the coordinator for the kit again"
            raise HomeError(words) from error

    @property
    def terms(self) -> Terms:
        """What was agreed; raises HomeError."""
        try:
            return Terms.from_bytes(self.read(TERMS))
        except RulesError as error:
            raise HomeError(f"{self.root / TERMS}: {error}") from error

    @property
    def seats(self) -> tuple[Seat, ...]:
        """The members of this site."""
        return (added_seat(self.site),) if self.added else self.terms.at(self.site)

    @property
    def added(self) -> bool:
        """Whether this is the kit of a hospital that came when the terms were fixed."""
        return (self.root / ADDED).exists()

    @property
    def rules(self) -> Rules | None:
        """The rules, None before everybody has joined; raises HomeError."""
        path = self.root / RULES
        if not path.exists():
            return None
        try:
            return Rules.from_bytes(self.read(RULES))
        except RulesError as error:
            raise HomeError(f"{path}: {error}") from error

    def pin(self, rules: Rules) -> None:
        """Keeps the rules; raises HomeError when others are kept already."""
        known = self.rules
        if known is not None and known.digest != rules.digest:
            raise HomeError(f"consortium {rules.digest.hex()} is not the one joined, {known.digest.hex()}")
        if known is None:
            self.write(RULES, rules.data)

    def confirm(self, consortium: bytes | None) -> None:
        """Notes that the operator vouches for this digest of the rules; None: for any, without comparing."""
        text = UNCOMPARED if consortium is None else consortium.hex()
        self.write(CONFIRMED, text.encode() + b"\n")

    def confirmed(self, rules: Rules) -> bool:
        """Whether the operator vouches for these rules; raises HomeError when they vouch for others."""
        if not (self.root / CONFIRMED).exists():
            return False
        said = self.read(CONFIRMED).decode(errors="replace").strip()
        if said not in (UNCOMPARED, rules.digest.hex()):
            raise HomeError(
                f"the operator has confirmed consortium {said}, and everybody's requests to join make "
                f"{rules.digest.hex()}: somebody's key or the terms are others; nothing is sent, ask the "
                "coordinator and two other members"
            )
        return True

    def require_confirmed(self, rules: Rules) -> None:
        """Raises HomeError, with what to do, unless the operator vouches for these rules."""
        if not self.confirmed(rules):
            raise HomeError(
                "everybody has joined: compare the consortium's fingerprint with two other members, "
                "then `proofward confirm KIT`; nothing is sent before"
            )

    def member(self, name: str) -> Path:
        """A member's folder, created with mode 0700."""
        path = self.root / "members" / name
        if not path.is_dir():
            make_directory(path)
            path.chmod(0o700)
        return path

    def key_files(self, name: str) -> tuple[object, ...]:
        """Changes when a member's key or its next one does."""
        found = []
        for file in (KEY, NEXT_KEY):
            with suppress(FileNotFoundError):
                known = (self.root / "members" / name / file).stat()
                found.append((file, known.st_ino, known.st_mtime_ns, known.st_size))
        return tuple(found)

    def randomness(self, name: str) -> Randomness:
        """The operating system's, unless the site was set up for repeatable runs."""
        seed = self.root / SEED
        return SeededRandomness(seed.read_bytes(), name) if self.repeatable else SystemRandomness()

    @property
    def clock(self) -> Clock:
        """The machine's, unless the site was set up for repeatable runs."""
        return repeatable_clock if self.repeatable else system_clock

    @property
    def repeatable(self) -> bool:
        """Whether whoever knows the seed in this folder knows every key and all randomness of the site."""
        return (self.root / SEED).exists()

    def make_key(self, name: str, passphrase: bytes | None, file: str = KEY) -> SigningKey:
        """A member's key: made and saved if there is none."""
        path = self.member(name) / file
        if not path.exists():
            SigningKey.generate(self.randomness(name).source("identity", b"")).save(path, passphrase)
        return SigningKey.load(path, passphrase)

    def key(self, name: str, passphrase: bytes | None = None) -> SigningKey:
        """A member's key; raises KeyFileInvalid."""
        return SigningKey.load(self.member(name) / KEY, passphrase)

    def next_key(self, name: str, passphrase: bytes | None = None) -> SigningKey | None:
        """The key that a member changes to, if it does."""
        path = self.member(name) / NEXT_KEY
        return SigningKey.load(path, passphrase) if path.exists() else None

    def save_dataset(
        self,
        name: str,
        features: Signed,
        labels: Signed,
        patients: Signed | None = None,
        forced: Sequence[str] = (),
    ) -> None:
        """Keeps a hospital's records until they are enrolled: features int64 (n, d), labels int64 (n,).

        patients: int64 (n,), the number of each record's patient, where that is known. forced: what spoke
        against them when their owner insisted.
        """
        path = self.member(name) / DATASET
        temporary = path.with_name(f".{DATASET}.tmp")
        words = np.frombuffer("\n".join(forced).encode(), dtype=np.uint8)
        try:
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                known = np.empty(0, dtype=np.int64) if patients is None else patients
                np.savez(file, features=features, labels=labels, forced=words, patients=known)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def forced(self, name: str) -> tuple[str, ...]:
        """What spoke against a hospital's records, which were taken in all the same.

        Empty without records and for such as cannot be read.
        """
        path = self.root / "members" / name / DATASET
        try:
            with np.load(path, allow_pickle=False) as found:
                return tuple(found["forced"].tobytes().decode().splitlines())
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return ()

    def has_dataset(self, name: str) -> bool:
        """Whether a hospital's records are there, or the values of its table where statistics are counted."""
        folder = self.member(name)
        return (folder / DATASET).exists() or (folder / VALUES).exists()

    def save_values(self, name: str, data: bytes) -> None:
        """Keeps what a hospital's table holds for statistics, see `statistics.source`."""
        path = self.member(name) / VALUES
        write_file(path, data, path.with_name(f".{VALUES}.tmp"), 0o600)

    def dataset(self, name: str) -> tuple[Signed, Signed]:
        """A hospital's records; raises HomeError."""
        path = self.member(name) / DATASET
        try:
            with np.load(path, allow_pickle=False) as found:
                return found["features"].astype(np.int64), found["labels"].astype(np.int64)
        except (OSError, ValueError, KeyError) as error:
            raise HomeError(f"{name} has no records yet: run `proofward enrol --data FILE`") from error

    def patients(self, name: str) -> Signed | None:
        """The number of each record's patient, None where that is not known; raises HomeError."""
        path = self.member(name) / DATASET
        try:
            with np.load(path, allow_pickle=False) as found:
                known = PATIENTS in found and found[PATIENTS].size
                return found[PATIENTS].astype(np.int64) if known else None
        except (OSError, ValueError, KeyError) as error:
            raise HomeError(f"{name} has no records yet: run `proofward enrol --data FILE`") from error

    @contextmanager
    def lock(self, name: str, patience: float = 60.0) -> Iterator[None]:
        """Only one process at a time works on a member's state; raises HomeError when another goes on."""
        descriptor = os.open(self.root / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + patience
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise HomeError(f"another process works on {name}; stop it first") from None
                    time.sleep(0.1)
            yield
        finally:
            os.close(descriptor)


def passphrase_from_environment() -> bytes | None:
    """The passphrase of the key files, from the file that an environment variable names."""
    path = os.environ.get(PASSPHRASE_VARIABLE)
    if not path:
        return None
    try:
        return Path(path).read_bytes().strip() or None
    except OSError as error:
        raise HomeError(f"{PASSPHRASE_VARIABLE}: {path}: {error.strerror}") from error
