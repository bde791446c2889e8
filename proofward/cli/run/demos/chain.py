"""`proofward demo --chain`: the run's ledger anchored, audited against the chain, and attacked.

The chain is a node of anvil where there is one, else py-evm in this process. Two attacks follow: the members,
all of them together, make a second history and seal it; and a seat signs a verdict with a false claim about a
proof that was handed in. The contract has to refuse the first and to take the seat for the second.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from proofward.chain.anchored_audit import anchor_verdicts
from proofward.chain.basics.abi import calldata
from proofward.chain.basics.anchor import anchor_of, contract_digest
from proofward.chain.basics.errors import NotAnchored
from proofward.chain.contract.artifact import anchor_artifact
from proofward.chain.contract.keys import ChainKey, Seal
from proofward.chain.contract.typed_data import Checkpoint
from proofward.chain.disputes.receipt import Receipt
from proofward.chain.disputes.refuting import examined, opened_again
from proofward.chain.disputes.verdicts import typed_verdict, verdict_holds
from proofward.chain.key_files import kept_key
from proofward.chain.nodes.anvil import anvil_program, started_anvil
from proofward.chain.nodes.local_node import LocalNode
from proofward.chain.nodes.node import Node, Transaction
from proofward.chain.relay import asked_proof, relay, state_of
from proofward.chain.state.state_proof import StateProof
from proofward.engines.in_process import Dataset, InProcessFederation
from proofward.engines.run_folder import private_of
from proofward.federation.history.history import History
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.messages.consortium.chain_terms import ChainTerms
from proofward.federation.messages.consortium.usual import usual_verdicts
from proofward.ledger.merkle_log import consistency_proof
from proofward.report.audits.run_audit import LEDGER_NAME, PROOF_OF_ANCHOR
from proofward.report.demonstrations.scenario import Scenario
from proofward.report.handover.models.model_source import read_ledger

CHAIN_ID = 31337
MISSING = "a chain in this process needs py-evm: pip install py-evm, or put anvil on PATH"
SECOND = "second-history"


class ChainMissing(Exception):
    """There is neither a node nor the package for a chain in this process."""


def anchored_scenario(scenario: Scenario) -> Scenario:
    """The scenario with an anchor: every verifier has a seat."""
    seats = tuple(sorted(scenario.plan.verifiers))
    terms = ChainTerms(CHAIN_ID, usual_verdicts(len(seats)), seats, contract_digest(), receipts=True)
    return replace(scenario, plan=replace(scenario.plan, chain=terms))


@contextmanager
def demonstration_chain() -> Iterator[tuple[str, Node]]:
    """A fresh chain, and what it is; raises ChainMissing."""
    if program := anvil_program():
        with started_anvil(program) as node:
            yield f"a node of {Path(program).name}", node
        return
    try:
        local = LocalNode(CHAIN_ID)
    except ImportError:
        raise ChainMissing(MISSING) from None
    yield "py-evm in this process", local


class ChainDemo:
    """One demonstration on one finished run."""

    def __init__(self, console: Console, folder: Path, scenario: Scenario) -> None:
        self.console, self.folder, self.scenario = console, folder, scenario
        self.history, self.objects = read_ledger(folder / LEDGER_NAME)
        self.anchor = anchor_of(self.history)

    def show(self) -> tuple[bool, dict[str, object]]:
        """Whether all went as it should, and what happened."""
        with demonstration_chain() as (what, node):
            self._say(f"anchored on {what}, contract 0x{self.anchor.address.hex()}")
            sent = list(relay(self.history, node))
            for one in sent:
                self._say(f"  {one.what}: {one.gas:,} gas")
            proof = asked_proof(self.history, node)
            (self.folder / PROOF_OF_ANCHOR).write_text(proof.to_json())
            holds = self._compare("audit against the chain", self.history, proof)
            named, refused = self._second_history(node, proof)
            lost = self._false_verdict(node)
        gas = {one.what: one.gas for one in sent}
        outcome: dict[str, object] = {"on": what, "gas": gas, "holds": holds, "second_history_named": named}
        outcome |= {"second_history_refused": refused, "false_verdict_cost_the_seat": lost}
        return holds and named and refused and lost, outcome

    def _compare(self, title: str, history: History, proof: StateProof) -> bool:
        verdicts = list(anchor_verdicts(history, proof))
        for verdict in verdicts:
            self._say(f"{title}: {verdict.subject}: {verdict.refusal or verdict.detail}")
        return all(verdict.passed for verdict in verdicts)

    def _second_history(self, node: Node, proof: StateProof) -> tuple[bool, bool]:
        """All members run a round again under the same keys and rules, and all seats seal it."""
        self._say("attack ledger-rewritten: all members make a second history, and all seats seal it")
        second = self._run_again()
        named = not self._compare("  the audit", second, proof)
        record, keys = Checkpoint(second.size, second.root), self._keys()
        place = [Seal(seat, key.sign(self.anchor.domain.digest(record))) for seat, key in enumerate(keys)]
        least = min(state_of(self.history, node).size, second.size)
        shown = consistency_proof(least, second.size, second.tree.node)
        arguments = (record.size, record.root, shown, [seal.as_tuple() for seal in place])
        return named, self._refused(node, "anchor", arguments)

    def _run_again(self) -> History:
        folder = private_of(self.folder) / SECOND
        for name in self.history.keys:
            own = private_of(folder) / name
            own.mkdir(parents=True, mode=0o700)
            for path in (private_of(self.folder) / name).glob("*.key"):
                shutil.copy2(path, own / path.name)
        data: dict[str, Dataset] = {
            name: (records.features, records.labels) for name, records in self.scenario.hospitals.items()
        }
        engine = InProcessFederation(folder, self.scenario.plan, data)
        history = engine.aggregator.history
        engine.run(lambda: len(history.closed) == 1)
        engine.close()
        return history

    def _keys(self) -> list[ChainKey]:
        found = [kept_key(private_of(self.folder) / name) for name in self.anchor.names]
        return [key for key in found if key is not None]

    def _refused(self, node: Node, function: str, arguments: tuple[object, ...]) -> bool:
        try:
            node.send(self._call(function, arguments))
        except NotAnchored as error:
            self._say(f"  the chain: refused, {error.actual}")
            return True
        self._say("  the chain: TAKEN")
        return False

    def _call(self, function: str, arguments: tuple[object, ...]) -> Transaction:
        data = calldata(anchor_artifact().abi, function, arguments)
        return Transaction(function, self.anchor.address, data)

    def _false_verdict(self, node: Node) -> bool:
        """A seat signs a receipt with a false claim about the first proof; whoever has the proof shows it."""
        self._say("attack false-verdict: a seat signs a false claim about one column of a hospital's proof")
        state, by = self.history.trained[-1], self.anchor.names[0]
        hospital, said = min(state.uploads), state.receipts
        opened = opened_again(self.history, self.objects, RelationProofs(), state, hospital)
        if opened is None:
            self._say("  the proof does not verify")
            return False
        honest = Receipt.of(opened)
        own = sum(verdict_holds(self.history, state, by, told) for (by, _), told in said.items())
        alike = {told.receipt for (_, about), told in said.items() if about == hospital}
        alike_all = alike == {honest.to_bytes()}
        same = "the one" if alike_all else "ANOTHER than"
        self._say(f"  {own} of {len(said)} verdicts are sealed with receipts, {same} that the proof gives")
        (column, value), *others = honest.claims
        false = replace(honest, claims=((column, value ^ 1), *others))
        receipt = false.to_bytes()
        digest = self.anchor.domain.digest(
            typed_verdict(self.history, state, state.verdicts[by, hospital], receipt)
        )
        lie = replace(said[by, hospital], receipt=receipt, seal=self._keys()[0].sign(digest).to_bytes())
        found = examined(self.history, state, by, lie, opened)
        self._say(f"  {found.subject}: {found.words}")
        if found.transaction is None:
            return False
        gas = node.send(found.transaction).gas
        gone = bool(state_of(self.history, node).gone & 1) and own == len(said) > 0 and alike_all
        ended = f"{by} has {'lost' if gone else 'KEPT'} its seat, {gas:,} gas"
        self._say(f"  the chain executed the step: {ended}")
        return gone

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)


