"""A proof that never ends, for the processes of the verification pool."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from proofward.engines.operations.verification_worker import verify

HOSTILE = b"hostile "


def verify_or_hang(call):
    """What a process of the pool does in place of `verify`: a hostile proof never ends, after its process says so."""
    proof = call[-1][-1]
    if isinstance(proof, bytes) and proof.startswith(HOSTILE):
        (Path(os.fsdecode(proof[len(HOSTILE) :])) / str(os.getpid())).touch()
        threading.Event().wait()
    return verify(call)
