"""What a verification may be given, and the three ways in which it ends: a finding, a refusal, no verdict.

Whatever the bytes and the statement are, no error leaves `judged`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from proofward.federation.storage.objects import Objects
from proofward.layers.basics.errors import TrainingError
from proofward.ledger.reading import MAX_OBJECT_BYTES, NotReadable, read_regular
from proofward.proof.errors import ProofRejected
from proofward.proof.soundness import SoundnessBelowPolicy
from proofward.relations.proofs.measure import UploadStatement, plan_of
from proofward.relations.records.enrolment import EnrolmentStatement

T = TypeVar("T")


class Unable(Exception):
    """A proof could not be judged: neither that it holds nor that it does not. No verdict follows from it."""


@dataclass(frozen=True)
class StoredObject:
    """An object in a file, by SHA-256 digest: whoever reads it compares first (`read_source`)."""

    path: Path
    digest: bytes


Source = bytes | StoredObject


def source_of(objects: Objects, digest: bytes) -> Source:
    """An object as its file where it has one, else as bytes; raises Refusal when it is missing or altered."""
    with objects.open(digest) as file:
        name = getattr(file, "name", None)
        return StoredObject(Path(name), digest) if isinstance(name, str | Path) else file.read()


def read_source(source: Source) -> bytes:
    """The bytes, checked; raises Unable when the file is missing, no regular file, too long, or another."""
    if isinstance(source, bytes):
        return source
    try:
        data = read_regular(source.path, MAX_OBJECT_BYTES)
    except NotReadable as error:
        raise Unable(f"object {source.digest.hex()}: {error.actual}, not {error.expected}") from error
    found = hashlib.sha256(data).hexdigest()
    if found != source.digest.hex():
        raise Unable(f"object {source.digest.hex()}: the file's digest is {found}")
    return data


def judged(verify: Callable[..., T], statement: object, *sources: Source) -> T | ProofRejected | Unable:
    """What a verification of these bytes finds, or why it refuses, or why it cannot tell. Raises nothing.

    An error that is neither the proof's nor the statement's is a fault of the verifier: no verdict follows.
    """
    try:
        return verify(statement, *map(read_source, sources))
    except (ProofRejected, Unable) as outcome:
        return outcome
    except SoundnessBelowPolicy as error:
        return ProofRejected("soundness", str(error))
    except TrainingError as error:
        return ProofRejected("statement", str(error))
    except MemoryError as error:
        return Unable(str(error) or "not enough memory")
    except Exception as error:
        found = f"{type(error).__name__}: {error}"[:300]
        return impossible(statement) or Unable(f"the verification itself failed with {found}")


def impossible(statement: object) -> ProofRejected | None:
    """Why no proof can have this statement: its own measures (`plan`) cannot be taken. None if they can."""
    try:
        if isinstance(statement, EnrolmentStatement | UploadStatement):
            plan_of(statement)
    except SoundnessBelowPolicy as error:
        return ProofRejected("soundness", str(error))
    except (TrainingError, ValueError, OverflowError, IndexError, RecursionError) as error:
        return ProofRejected("statement", str(error) or type(error).__name__)
    except MemoryError:
        return None
    return None
