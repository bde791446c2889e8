"""The authorizer for FLARE's manager of confidential computing: tokens of members' machines, each good once."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import pytest
from nvflare.app_opt.confidential_computing.cc_authorizer import CCAuthorizer, CCTokenGenerateError
from nvflare.app_opt.confidential_computing.cc_manager import CC_NAMESPACE, CC_TOKEN, CCManager

from proofward.attestation.claims import SNP
from proofward.attestation.errors import EvidenceRefused
from proofward.engines.flare.authorizer import NAMESPACE, ProofWardCCAuthorizer
from proofward.engines.remote.agreement.home import HomeError
from tests.attestation.machines import NOW, machine, policy
from tests.attestation.tsm import fake_tsm

KEY = b"k" * 32


def rules(**changes):
    """What an authorizer reads of rules."""
    members = {name: SimpleNamespace(name=name, key=KEY) for name in ("hospital-0", "hospital-1")}
    fields = {"digest": bytes(32), "attestation": policy(kinds=(SNP,)), "find": members.get}
    return SimpleNamespace(**{**fields, **changes})


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Makes authorizers on a machine with AMD's processor, of members of one consortium."""
    fake_tsm(monkeypatch, machine(SNP))
    collateral = tmp_path / "collateral.pem"
    collateral.write_bytes(machine(SNP).collateral())

    def made(member="hospital-0", agreed=None, clock=NOW, kinds=(SNP,)) -> ProofWardCCAuthorizer:
        own = ProofWardCCAuthorizer("kit", member, dict.fromkeys(kinds, str(collateral)), tsm=str(tmp_path))
        own._home, own._clock = SimpleNamespace(rules=agreed or rules()), lambda: clock
        return own

    return made


def test_a_token_is_good_once_and_while_it_is_young(site):
    token, verifier = site().generate(), site("hospital-1")
    assert isinstance(verifier, CCAuthorizer) and verifier.get_namespace() == NAMESPACE
    assert verifier.verify(token) and not verifier.verify(token)
    assert not site(clock=NOW + 601).verify(token) and site(clock=NOW + 599).verify(token)


def test_what_is_no_token_or_altered_is_refused(site):
    token, verifier = site().generate(), site("hospital-1")
    data = bytearray(base64.b64decode(token))
    for place in range(0, len(data), len(data) // 25):
        changed = bytearray(data)
        changed[place] ^= 1
        assert not verifier.verify(base64.b64encode(bytes(changed)).decode())
    for other in ("", "x", token[:-4], "A" * (1 << 22)):
        assert not verifier.verify(other)
    assert verifier.verify(token)


def test_tokens_of_another_consortium_member_or_key_are_refused(site):
    token = site().generate()
    for agreed in (rules(digest=b"d" * 32), rules(find=lambda name: None), rules(attestation=None),
                   rules(find=lambda name: SimpleNamespace(name=name, key=bytes(32))),
                   rules(attestation=policy(kinds=(SNP,), measurements=((SNP, "launch", (bytes(48),)),)))):  # fmt: skip
        assert not site(agreed=agreed).verify(token)
    with pytest.raises(EvidenceRefused, match="evidence-measurement"):
        site(
            agreed=rules(attestation=policy(kinds=(SNP,), measurements=((SNP, "launch", (bytes(48),)),)))
        ).check(token)


def test_a_site_that_cannot_make_a_token_says_why(site, tmp_path):
    for own, words in ((site("nobody"), "a member that the rules name"), (site(kinds=()), "none for snp"),
                       (site(agreed=rules(attestation=None)), "rules that ask for evidence")):  # fmt: skip
        with pytest.raises(CCTokenGenerateError, match=words):
            own.generate()
    own = ProofWardCCAuthorizer(str(tmp_path), "hospital-0", {})
    own._home = SimpleNamespace(rules=None)
    assert not own.verify("x")
    with pytest.raises(CCTokenGenerateError, match="once everybody has joined"):
        own.generate()


def test_flares_manager_takes_and_refuses_its_tokens(site):
    manager = CCManager([], [], cc_enabled_sites=["site-0", "site-1"])
    manager.cc_verifiers = {NAMESPACE: site("hospital-1")}
    good = {CC_TOKEN: site().generate(), CC_NAMESPACE: NAMESPACE}
    bad = {CC_TOKEN: site().generate()[:-8], CC_NAMESPACE: NAMESPACE}
    assert manager._validate_participants_tokens({"site-0": [good]}) == ""
    assert "site-1" in manager._validate_participants_tokens({"site-1": [bad]})


def test_a_damaged_kit_verifies_nothing(site, tmp_path):
    own = site()

    class Damaged:
        @property
        def rules(self):
            raise HomeError("damaged")

    own._home = Damaged()
    assert not own.verify("x")
    with pytest.raises(CCTokenGenerateError, match="damaged"):
        own.generate()
