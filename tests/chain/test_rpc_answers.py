"""A node that answers anything: refused by name, never a fault of ours."""

from __future__ import annotations

from typing import Any

import pytest

from proofward.chain.basics.errors import NotAnchored
from proofward.chain.basics.libraries import imported

with imported():
    pytest.importorskip("web3")

from proofward.chain.nodes.rpc import RpcNode


class Answering:
    """Gives one answer to every question."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def make_request(self, method: str, parameters: list[Any]) -> Any:
        return self.answer


ANSWERS = (
    [],
    None,
    {"result": None},
    {"result": "0xzz"},
    {"result": []},
    {"result": {"number": "0x1"}},
    {"error": "no"},
)


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_answers_of_another_form_are_refused(answer: Any) -> None:
    node = RpcNode("http://127.0.0.1:1")
    node._provider = Answering(answer)
    for ask in (
        lambda: node.chain_id,
        lambda: node.has_code(bytes(20)),
        lambda: node.state_proof(bytes(20), [bytes(32)]),
    ):
        with pytest.raises(NotAnchored):
            ask()
