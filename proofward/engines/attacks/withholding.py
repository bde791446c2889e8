"""Aggregators that are dishonest to hospitals which follow heads; the ledger shows nothing of it."""

from __future__ import annotations

from dataclasses import replace

from proofward.encoding import decode, encode
from proofward.federation.history.state.history_state import KEYS, UPLOAD
from proofward.federation.messages.light_answers import LightAnswer, open_answer, sign_answer
from proofward.federation.messages.records.heads import MAX_HEAD_BYTES, Head
from proofward.federation.parties.aggregator import Aggregator
from proofward.federation.parties.hospital import Hospital
from proofward.federation.parties.light_hospital import LightHospital

HOSPITALS = 6
"""So many that a committee leaves two out, whom the others can do without."""
BESIDE: dict[str, type[Hospital]] = {f"hospital-{index}": LightHospital for index in range(HOSPITALS)}


class WithholdsHeads(Aggregator):
    """Shows hospitals that follow heads no newer one once they have uploaded."""

    def light_answer(self, hospital: str, known: int) -> bytes:
        """Nothing new after the uploads."""
        if not self.history.closed and self.history.phase in (KEYS, UPLOAD):
            return super().light_answer(hospital, known)
        return sign_answer(LightAnswer(hospital, known), self.key, self.rules)


class ForgesHead(Aggregator):
    """Shows hospitals that follow heads one with another model, under the signatures of the true one."""

    def light_answer(self, hospital: str, known: int) -> bytes:
        """The newest head with its model exchanged."""
        answer = open_answer(super().light_answer(hospital, known), self.rules)
        if answer.head:
            head = replace(decode(answer.head, Head, max_bytes=MAX_HEAD_BYTES), model=bytes(32))
            answer = replace(answer, head=encode(head))
        return sign_answer(answer, self.key, self.rules)
