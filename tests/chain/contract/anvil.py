"""A real node, for tests: anvil with the rules of Osaka, found on PATH or by the variable PROOFWARD_ANVIL."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from typing import Any
from urllib.request import Request, urlopen

from proofward.chain.basics.abi import selector
from proofward.chain.contract.artifact import Artifact
from proofward.chain.nodes.evm import Done, LocalChain, Reverted, decoded, encoded

ANVIL = os.environ.get("PROOFWARD_ANVIL") or shutil.which("anvil")
WITHOUT = "no anvil on PATH and none in PROOFWARD_ANVIL (npm install @foundry-rs/anvil)"


class AnvilChain(LocalChain):
    """As the chain in one process, over JSON-RPC; the node's first account sends everything."""

    def __init__(self) -> None:
        assert ANVIL
        command = [ANVIL, "--hardfork", "osaka", "--port", "0", "--accounts", "1"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        found = next(m for line in self.process.stdout if (m := re.search(r"Listening on (\S+)", line)))
        self._url, self._abis = f"http://{found[1]}", {}
        self.chain_id = int(self._ask("eth_chainId"), 16)
        self.sender = bytes.fromhex(self._ask("eth_accounts")[0][2:])

    def stop(self) -> None:
        """Ends the node."""
        self.process.terminate()
        self.process.wait(30)
        if self.process.stdout:
            self.process.stdout.close()

    def deployed(self, artifact: Artifact, *arguments: Any) -> tuple[bytes, int]:
        constructor = next(entry for entry in artifact.abi if entry["type"] == "constructor")
        receipt = self._sent({"data": f"0x{(artifact.bytecode + encoded(constructor['inputs'], arguments)).hex()}"})
        address = bytes.fromhex(receipt["contractAddress"][2:])
        self._abis[address] = artifact.abi
        return address, int(receipt["gasUsed"], 16)

    def transact(self, address: bytes, function: str, *arguments: Any) -> Done:
        entry = self._entry(address, function)
        data = selector(entry) + encoded(entry["inputs"], arguments)
        answer = self.call(address, function, *arguments)
        receipt = self._sent({"to": f"0x{address.hex()}", "data": f"0x{data.hex()}"})
        return Done(int(receipt["gasUsed"], 16), answer, [], data)

    def call(self, address: bytes, function: str, *arguments: Any) -> Any:
        entry = self._entry(address, function)
        data = selector(entry) + encoded(entry["inputs"], arguments)
        call = {"from": f"0x{self.sender.hex()}", "to": f"0x{address.hex()}", "data": f"0x{data.hex()}"}
        return decoded(entry["outputs"], bytes.fromhex(self._ask("eth_call", call, "latest")[2:]))

    def _sent(self, transaction: dict[str, str]) -> dict[str, Any]:
        own = {"from": f"0x{self.sender.hex()}", "gas": hex(1 << 24), **transaction}
        digest = self._ask("eth_sendTransaction", own)
        while (receipt := self._ask("eth_getTransactionReceipt", digest)) is None:
            time.sleep(0.01)
        if receipt["status"] != "0x1":
            raise Reverted("the transaction failed")
        return receipt

    def _ask(self, method: str, *parameters: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        with urlopen(Request(self._url, body, {"Content-Type": "application/json"}), timeout=120) as answer:
            told = json.load(answer)
        if "error" in told:
            raise Reverted(told["error"]["message"].removeprefix("execution reverted").removeprefix(": "))
        return told["result"]
