"""A federation over `engines/remote` whose ledger is anchored: sites seal by themselves, one with a P-256 key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from proofward.chain.nodes.local_node import LocalNode
from proofward.chain.relay import relay
from proofward.cli.main import main
from proofward.federation.messages.consortium.usual import P256
from tests.chain.anchored import terms
from tests.engines.remote_harness import Consortium, agreement
from tests.engines.remote_kits import furnish_kit

pytestmark = pytest.mark.slow


def test_remote_members_say_chain_keys_and_seal_rounds(tmp_path):
    seats = ("hospital-1", "verifier-0")
    agreed = replace(agreement(verifiers=1, rounds=1), chain=terms(seats=seats))
    with Consortium(tmp_path, agreed) as consortium:
        furnish_kit(tmp_path / "hospital-1")
        for did in ("made", "was there already"):
            said = CliRunner().invoke(main, ["chain", "key", str(tmp_path / "hospital-1"), "--curve", P256])
            assert said.exit_code == 0 and "hospital-1: p256 key" in said.output and did in said.output, said.output
        consortium.start()
        consortium.join()
        history = consortium.host.aggregator.history
        assert history.refusals == [] and set(history.seals) == {(1, seat) for seat in seats}
        assert history.chain_keys["hospital-1"].record.curve == P256
        assert [one.what for one in relay(history, LocalNode(p256=True))] == ["deploy", "weights of round 1", "round 1"]
        assert consortium.audit() == []
