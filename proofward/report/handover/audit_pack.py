"""What an auditor is given of a run or of the server's kit: the ledger, what follows from it, nothing else.

    ledger/ledger.db, ledger.seal, objects/    as they are
    model.safetensors, model.json, proofs/     made from the ledger
    features.json, classes.json                what the model's inputs mean; no evidence

The pack is written beside its place, read again, and moved there once it holds no file but these and no
secret of a party that is known here; see `known_secrets` and `secret_scan`.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, cast

from proofward.engines.contract import SERVER, home_of
from proofward.engines.registry import engine_of
from proofward.engines.run_folder import private_of
from proofward.federation.history.history import History
from proofward.federation.history.state.history_state import CLOSED
from proofward.federation.history.sums.aggregation import model_weights
from proofward.federation.storage.objects import Objects
from proofward.ledger.database import MAX_DATABASE_BYTES
from proofward.ledger.files import make_directory, sync_directory
from proofward.ledger.reading import open_regular
from proofward.ledger.seal import SEAL_NAME
from proofward.report.handover.models.description import (
    CLASSES_NAME,
    FEATURES_NAME,
    Description,
    FeaturesInvalid,
    read_description,
)
from proofward.report.handover.models.model_files import model_files
from proofward.report.handover.models.model_source import LEDGER_NAME, is_kit, ledger_of, read_ledger
from proofward.report.handover.proof_file import proof_files
from proofward.report.handover.secrets.known_secrets import Known, known_secrets
from proofward.report.handover.secrets.named_records import add_records
from proofward.report.handover.secrets.secret_scan import Scanner

ZIP = ".zip"
_MEMBER = "[a-z0-9][a-z0-9-]{0,39}"
_ALLOWED = re.compile(
    rf"{LEDGER_NAME}/(ledger\.db|ledger\.seal|objects/[0-9a-f]{{2}}/[0-9a-f]{{62}})"
    rf"|proofs/{_MEMBER}-round-[0-9]+\.proof"
    rf"|model\.(safetensors|json)|{re.escape(FEATURES_NAME)}|{re.escape(CLASSES_NAME)}"
)
_FORBIDDEN = re.compile(
    r".*\.(key|pem|npz|npy|csv|tsv|xlsx?|parquet|ratchet|secrets|log|jsonl)|state\.sqlite.*|seed-for-.*"
    r"|.*passphrase.*|parties|members|startup|private",
    re.IGNORECASE,
)
_PIECE = 1 << 20
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
_DATE = (1980, 1, 1, 0, 0, 0)


class PackRefused(ValueError):
    """A pack that must not be handed over, or cannot be made: why, and what to do."""


@dataclass(frozen=True)
class Packed:
    """files: how many, of how many bytes in all. finished: whether the federation came to its end."""

    files: int
    length: int
    consortium: bytes
    finished: bool
    known: Known


Content = Path | bytes


def make_pack(
    folder: Path, out: Path, records: Sequence[Path] = (), options: Mapping[str, Any] = NO_OPTIONS
) -> Packed:
    """Writes the pack of a run or of the server's kit: a zip file if `out` ends so, else a folder.

    records: files and folders whose records are searched for as well; options: how tables are written.
    Raises PackRefused, NotASource, NoModel, RecordsUnread, Refusal, RulesError, LedgerError, OSError.
    """
    if is_kit(folder) and engine_of(folder).kind(folder) != SERVER:
        words = f"{folder} has the ledger's entries, but not its objects, which an audit needs"
        raise PackRefused(f"{words}: run the command on the server's kit")
    place = ledger_of(folder)
    if not (place / SEAL_NAME).exists():
        raise PackRefused(f"{place} is not sealed: the federation goes on, or was interrupted; end it first")
    history, objects = read_ledger(place)
    known = known_secrets(*_private(folder))
    for path in records:
        add_records(known, path, _description(folder), history.rules.config.scales, options)
    temporary = out.with_name(f".{out.name}.writing")
    _remove(temporary)
    try:
        writer = _to_zip if out.suffix == ZIP else _to_folder
        count, length = writer(temporary, contents(folder, place, history, objects))
        check_pack(temporary, known)
        os.replace(temporary, out)
        sync_directory(Path(os.path.abspath(out)).parent)
    finally:
        _remove(temporary)
    return Packed(count, length, history.rules.digest, history.phase == CLOSED, known)


def _private(folder: Path) -> Iterator[Path]:
    """Where parties' secrets are, as far as they can be seen from here."""
    if is_kit(folder):
        yield folder
        return
    yield private_of(folder)
    yield folder


def contents(folder: Path, place: Path, history: History, objects: Objects) -> Iterator[tuple[str, Content]]:
    """Names in the pack and what goes there."""
    for path in sorted(place.rglob("*")):
        name = f"{LEDGER_NAME}/{path.relative_to(place).as_posix()}"
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise PackRefused(f"{name} is no ordinary file: an audit has no use for it; remove it")
        if path.is_file():
            check_name(name)
            yield name, path
    if history.phase == CLOSED and history.trained:
        weights = model_weights(history, objects, history.model)
        yield from model_files(history.rules, weights).items()
    yield from proof_files(history, objects)
    for name in (FEATURES_NAME, CLASSES_NAME):
        if (_beside(folder) / name).is_file():
            yield name, _beside(folder) / name


def _beside(folder: Path) -> Path:
    return home_of(folder) if is_kit(folder) else folder


def _description(folder: Path) -> Description | None:
    """What inputs mean, where that lies beside the ledger."""
    features, classes = (_beside(folder) / name for name in (FEATURES_NAME, CLASSES_NAME))
    try:
        return read_description(features, classes) if features.exists() else None
    except FeaturesInvalid as error:
        raise PackRefused(str(error)) from error


def check_name(name: str) -> None:
    """Raises PackRefused for a file that has no place in a pack."""
    if any(_FORBIDDEN.fullmatch(part) for part in name.split("/")):
        raise PackRefused(f"{name} has the name of a file of keys or records; remove it, then again")
    if not _ALLOWED.fullmatch(name):
        raise PackRefused(f"{name} is no part of a ledger; remove it, then again")


def check_pack(path: Path, known: Known) -> None:
    """Raises PackRefused for a pack that holds a file of another kind, or a known secret."""
    scanner = Scanner(known.all)
    for name, opened in _opened(path):
        check_name(name)
        with opened() as file:
            found = sorted(scanner.scan(file))
        if found:
            more = f" and of {len(found) - 1} more" if len(found) > 1 else ""
            raise PackRefused(f"{name} holds {found[0]}{more}: find out how it came there")


Opened = tuple[str, Callable[[], BinaryIO]]


def _opened(path: Path) -> Iterator[Opened]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if not file.is_dir():
                yield file.relative_to(path).as_posix(), partial(_file, file)
        return
    with zipfile.ZipFile(path) as pack:
        for name in pack.namelist():
            yield name, partial(_member_of, pack, name)


def _file(path: Path) -> BinaryIO:
    return path.open("rb")


def _member_of(pack: zipfile.ZipFile, name: str) -> BinaryIO:
    return cast(BinaryIO, pack.open(name))


@contextmanager
def _bytes_of(content: Content) -> Iterator[BinaryIO]:
    if isinstance(content, bytes):
        yield BytesIO(content)
        return
    with open_regular(content, MAX_DATABASE_BYTES) as file:
        yield file


def _copied(content: Content, target: Callable[[bytes], object]) -> int:
    length = 0
    with _bytes_of(content) as source:
        while piece := source.read(_PIECE):
            target(piece)
            length += len(piece)
    return length


def _to_zip(path: Path, entries: Iterator[tuple[str, Content]]) -> tuple[int, int]:
    make_directory(path.parent)
    count = length = 0
    with path.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as pack:
            for name, content in entries:
                info = zipfile.ZipInfo(name, _DATE)
                info.external_attr = 0o644 << 16
                with pack.open(info, "w", force_zip64=True) as target:
                    length += _copied(content, target.write)
                count += 1
        file.flush()
        os.fsync(file.fileno())
    return count, length


def _to_folder(path: Path, entries: Iterator[tuple[str, Content]]) -> tuple[int, int]:
    count = length = 0
    make_directory(path)
    for name, content in entries:
        make_directory((path / name).parent)
        with (path / name).open("wb") as file:
            length += _copied(content, file.write)
        count += 1
    return count, length


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
