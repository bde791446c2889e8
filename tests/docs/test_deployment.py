"""The commands of the documents on deployment and on trips, run as they stand: one federation on NVIDIA FLARE."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from proofward.data.wdbc import NORMALISATION
from proofward.encoding import decode
from proofward.federation.messages.envelope import Envelope
from proofward.ledger.database import Database
from proofward.ledger.seal import SEAL_NAME
from tests.docs.blocks import Block
from tests.docs.sandbox import Sandbox, runnable, write_records
from tests.flare.test_consortium import wait

pytestmark = pytest.mark.slow
CONFIRM = "for site in a b c auditor; do proofward confirm"
"""Of the deployment's block; here c confirms later."""


def test_deployment_and_a_trip_of_a_memory_stick(sandbox):
    for number, name in enumerate(("a", "b", "c", "new")):
        write_records(sandbox.folder / f"{name}.csv", list(NORMALISATION), number)
    (begin,) = runnable("docs/deploy.md", "2 ")
    (trip,) = runnable("docs/air-gap.md", "A trip")
    *changes, end = runnable("docs/deploy.md", "9 ")
    (backup,) = runnable("docs/deploy.md", "10 ")
    try:
        said = sandbox.run_block(begin, {"--rounds 10": "--rounds 1", CONFIRM: CONFIRM.replace(" c ", " ")})
        assert sandbox.variables["FINGERPRINT"] and "process: " in said
        run_trip(sandbox, trip)
        kit = {"KIT": "trial/kits/a", "SITE": "a", "MEMBER": "a", "DIR": "trial"}
        for block in changes:
            sandbox.run_block(block, **kit)
        sandbox.run("proofward start trial/kits/c --detach --verification-workers 0")
        assert (sandbox.folder / "trial" / "renewed" / "c.crt").exists()
        ledger = sandbox.folder / "trial" / "kits" / "localhost" / "proofward" / "ledger"
        wait((ledger / SEAL_NAME).exists, "the end")  # the block asks again and again
        said = sandbox.run_block(end)
        assert "row,score,probability of 1,class" in said and "Everybody kept the rules." in said
        assert rotations(ledger) == ["a"]
        sandbox.run_block(backup)
    finally:
        sandbox.run('for kit in trial/kits/*; do proofward stop "$kit" || true; done')
    with tarfile.open(sandbox.folder / "kit.tgz") as kept:
        names = [Path(name).name for name in kept.getnames()]
    assert "identity.key" in names and "client.key" in names
    assert not [name for name in names if name.startswith("state.")]


def rotations(ledger: Path) -> list[str]:
    """Who has changed a key."""
    database = Database(ledger, writable=False)
    try:
        found = [decode(database.entry(number), Envelope) for number in range(database.size())]
    finally:
        database.close()
    return [envelope.sender for envelope in found if envelope.topic == "key-rotation"]


def run_trip(sandbox: Sandbox, block: Block) -> None:
    """Hospital c, which nobody connects for as long as it takes, answers by a stick. No round ends without it.

    It confirms once it is not connected any more: until then no round can have begun.
    """
    sandbox.run("proofward stop trial/kits/c; mkdir stick")
    sandbox.run('proofward confirm trial/kits/c --consortium "$FINGERPRINT"')
    where = {"KIT": "trial/kits/c", "GATEWAY": "trial/kits/a", "STICK": "stick", "NAME": "c"}
    said = sandbox.run_block(block, **where)
    assert "accepted for delivery" in said and "ledger followed up to entry" in said
