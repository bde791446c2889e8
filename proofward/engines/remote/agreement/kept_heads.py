"""How far a member has come, read from its state alone while its process may write: entries, or a head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from proofward.encoding import MalformedMessage, decode, decode_item
from proofward.engines.remote.agreement.requests import followed, raw_facts
from proofward.federation.history.light.projection import Projection
from proofward.federation.history.state.history_state import HistoryState
from proofward.federation.messages.basics.clock import in_utc
from proofward.federation.messages.basics.refusal import Refusal, describe
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.light_answers import LightAnswer
from proofward.federation.messages.records.heads import MAX_HEAD_BYTES, Head, View
from proofward.federation.messages.wire import MAX_WIRE_BYTES
from proofward.federation.parties.light_hospital import ANSWER, KEYS


@dataclass(frozen=True)
class KeptHead:
    """The head that a hospital knows. withheld: what it has reported of newer ones that do not come."""

    history: Projection
    head: Head
    signatures: int
    withheld: str

    @property
    def words(self) -> str:
        """For people."""
        head = self.head
        signed = f"signed by {self.signatures} verifiers"
        return f"follows heads: entry {head.size} of {in_utc(head.clock)}, {signed}"


def kept_head(folder: Path, rules: Rules, entries: int) -> KeptHead | None:
    """What a member's folder has of a head of more entries than these; raises Refusal where it is damaged."""
    if not rules.scaling.heads:
        return None
    found = raw_facts(folder, ("light/", "withheld/"))
    answer, keys = found.get(ANSWER), found.get(KEYS)
    if not answer or not keys:
        return None
    try:
        kept = decode(answer, LightAnswer, max_bytes=MAX_WIRE_BYTES)
        head, view = decode(kept.head, Head, max_bytes=MAX_HEAD_BYTES), decode(kept.view, View)
        known = cast("dict[str, bytes]", decode_item(keys))
    except MalformedMessage as error:
        raise Refusal("malformed", rules.aggregator, "a stored head", describe(str(error))) from error
    if head.size <= entries:
        return None
    words = found.get(f"withheld/{head.size}", b"").decode(errors="replace")
    return KeptHead(Projection(rules, head, view, {}, known), head, len(kept.signatures), words)


def furthest(folder: Path, rules: Rules) -> HistoryState:
    """The ledger as a member knows it: as it has read it, or what a newer head says; raises Refusal."""
    history = followed(folder, rules)
    kept = kept_head(folder, rules, history.size)
    return history if kept is None else kept.history
