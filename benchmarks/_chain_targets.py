"""Targets of the tamper benchmark from a federation whose ledger is anchored: its entries, and a seal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from _targets import VERIFIER, Intercepting, Target, of_each_kind

from proofward.chain.basics.anchor import anchor_of, contract_digest
from proofward.chain.contract.errors import ChainError
from proofward.chain.contract.keys import Signature
from proofward.chain.seals import outcome_record
from proofward.engines.in_process import InProcessFederation
from proofward.engines.run_folder import Plan
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.relations.rules.counting import Counting, untrained

SEALED = tuple(f"hospital-{index}" for index in range(3))
ASKED = Counting("ages", "what every entry counts", 6, 10, (1,), (3, 3), 3)


def chain_targets(directory: Path, seen: set[str]) -> Iterator[Target]:
    """Entries of the kinds that only anchored ledgers have, and the signature in a seal."""
    import numpy as np

    config = untrained(len(SEALED), 1)
    chain = ChainTerms(31337, 1, (VERIFIER,), contract_digest(), receipts=True)
    least = usual_updates(len(SEALED), 1)
    plan = Plan("tamper", SEALED, (VERIFIER,), 1, least, 1, config, counting=(ASKED,), chain=chain)
    counts = dict.fromkeys(SEALED, lambda task: np.ones(task.counting.length, dtype=np.int64))
    engine = InProcessFederation(
        directory, plan, {}, seed=b"tamper", network=Intercepting("", ""), counts=counts
    )
    if not engine.run().finished:
        raise RuntimeError("the anchored federation did not finish")
    yield from of_each_kind(engine, seen)
    history = engine.aggregator.history
    anchor = anchor_of(history)
    digest = anchor.domain.digest(outcome_record(history.outcomes[1]))
    seal = history.seals[1, VERIFIER].outcome

    def judge(data: bytes) -> str | None:
        try:
            return None if Signature.from_bytes(data).seat(digest) == anchor.seats[0] else "seat"
        except ChainError as error:
            return error.subject

    fields = {name: [(32 * place, 32 * place + 32)] for place, name in enumerate(("v", "r", "s", "x", "y"))}
    yield Target("a round's seal", seal, fields, judge)
