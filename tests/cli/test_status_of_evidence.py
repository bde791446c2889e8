"""`proofward status` where rules require evidence of machines: for what is waited, and who has to act."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.attestation.binding import Binding
from proofward.attestation.claims import SNP
from proofward.attestation.collect import Prepared
from proofward.engines.attacks.evidence import WAYS, honest
from proofward.engines.remote.agreement import prepared_evidence
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.overview import look
from tests.attestation.machines import machine, policy
from tests.engines import remote_harness as harness
from tests.engines import remote_kits

pytestmark = pytest.mark.slow
BARRED, MEMBER = "hospital-1", "hospital-0"
ROLES = ("aggregator", "hospital", "verifier")


@pytest.fixture(scope="module")
def waiting(tmp_path_factory):
    """The hospitals have shown evidence, that of one was refused; verifiers and the aggregator have none."""
    root, ways = tmp_path_factory.mktemp("waiting"), {BARRED: WAYS[1].make(machine(SNP), MEMBER)}

    def attester(home: Home, member: str):
        return ways.get(member, honest(machine(SNP))) if member.startswith("hospital") else lambda *asked: None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared_evidence, "attester", attester)
        rules = policy(roles=ROLES, kinds=(SNP,))
        with harness.Consortium(root, replace(harness.agreement(rounds=1), attestation=rules)) as consortium:
            consortium.start()
            consortium.until(lambda: consortium.phase("enrolment", 0))
            history = consortium.host.aggregator.history
            consortium.until(lambda: {len(said) for said in history.attestation_verdicts.values()} == {4})
            consortium.until(lambda: len(history.enrolment_verdicts) == 8)
    return root


@pytest.fixture
def status(proofward, waiting, tmp_path):
    def look(site: str):
        place = remote_kits.as_kit(waiting / site, tmp_path / site)
        return proofward.json("status", place), proofward("status", place).stdout

    return look


def needed(found) -> dict[str, str]:
    return {one["subject"]: one["sentence"] for one in found["problems"] if one["check"] == "no-evidence"}


def test_the_server_says_for_what_it_waits_and_that_its_own_evidence_is_missing(status):
    found, text = status(harness.SERVER)
    waited = ", ".join(f"{name} (evidence of its machine)" for name in found["ledger"]["waits_for"])
    assert found["ledger"]["waits_for"] == ["aggregator", *(f"verifier-{number}" for number in range(4))]
    assert f"waits for:   {waited}" in text and "no evidence of its machine" in text
    assert found["exit"] == 1 and "attest collect" in needed(found)["aggregator"]


def test_a_site_says_what_its_members_lack(status):
    found, _ = status(BARRED)
    said = needed(found)
    assert found["exit"] == 1 and set(said) == {BARRED, "verifier-1"}
    assert WAYS[1].check in said[BARRED] and "rotate-key" in said[BARRED]
    assert "has shown no evidence" in said["verifier-1"]
    assert set(needed(status(MEMBER)[0])) == {"verifier-0"}


def test_evidence_that_lies_ready_needs_nobody(status, waiting):
    home = Home(waiting / "auditor" / "home")
    assert set(needed(status("auditor")[0])) == {"verifier-3"}
    key = home.key("verifier-3").public.raw
    binding = Binding(bytes(32), "verifier-3", key, 1, bytes(32), bytes(32))
    prepared_evidence.keep(home, Prepared(binding, 0, (machine(SNP).item(bytes(64)),)))
    (member,) = look(home.root).members
    assert member.hindered == "" and member.evidence == "no evidence of its machine"
