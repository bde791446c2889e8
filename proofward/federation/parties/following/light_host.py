"""What the host answers a hospital that follows heads; it has no choice that the hospital does not check."""

from __future__ import annotations

from collections.abc import Callable

from proofward.encoding import encode
from proofward.federation.history.light.heads import words_of
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.refusal import require
from proofward.federation.messages.light_answers import LightAnswer
from proofward.federation.storage.log_tree import LogTree
from proofward.ledger.merkle_log import consistency_proof


def light_answer(
    history: HistoryState,
    tree: LogTree,
    checkpoint: Callable[[int, bytes], bytes],
    hospital: str,
    known: int,
) -> LightAnswer:
    """The newest head with a quorum for a hospital that knows so many entries, unsigned; raises Refusal.

    tree: of the ledger that is shown; checkpoint: the signed one of a size and root
    """
    rules, follow = history.rules, history.rules.scaling.follow
    require(rules.scaling.heads, "follow", hospital, "an extension: the rules have no heads", follow)
    quorum = rules.head_quorum
    heard = words_of(history, hospital)
    ended = history.ended is not None
    said = history.heads.quorate(quorum)
    if said is None or said.head.size <= known or hospital not in said.views:
        return LightAnswer(hospital, known, heard, ended)
    head = said.head
    signed = {rules.verifiers.index(name): signature for name, signature in said.signatures.items()}
    signers = tuple(sorted(signed)[:quorum])
    return LightAnswer(
        hospital=hospital,
        known=known,
        heard=heard,
        ended=ended,
        head=encode(head),
        view=said.views[hospital],
        place=said.places[hospital],
        path=said.path(hospital),
        consistency=tuple(consistency_proof(known, head.size, tree.node)),
        signers=signers,
        signatures=tuple(signed[place] for place in signers),
        rotations=tuple(data for number, data in history.heads.rotations if known <= number < head.size),
        sealing=said.sealing(hospital),
        checkpoint=checkpoint(head.size, head.root),
    )
