"""What a consortium asks of evidence, and what evidence is bound to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.attestation.binding import Binding, gpu_nonce
from proofward.attestation.claims import GPU, KINDS, SNP, TDX, Claims
from proofward.attestation.errors import EvidenceRefused
from proofward.attestation.made_snp import LAUNCH
from proofward.attestation.policy import RECORDED, REQUIRED, Policy, vendor_roots
from proofward.encoding import decode_item, encode_item
from proofward.layers.basics.errors import ConfigurationError
from tests.attestation.machines import NOW, machine, policy

BINDING = Binding(bytes(32), "hospital-0", b"k" * 32, 7, b"r" * 32, b"n" * 32, b"t" * 32)
DATA = BINDING.report_data()


def refused(rules: Policy, *items, data: bytes = DATA) -> str:
    with pytest.raises(EvidenceRefused) as caught:
        rules.verify(items, data, NOW)
    return caught.value.check


def test_whatever_evidence_is_bound_to_changes_the_report_data():
    found = {DATA}
    for field, value in (("consortium", b"c" * 32), ("member", "hospital-1"), ("key", bytes(32)), ("size", 8),
                         ("root", bytes(32)), ("nonce", bytes(32)), ("tls", b"")):  # fmt: skip
        found.add(replace(BINDING, **{field: value}).report_data())
    assert len(found) == 8 and {len(data) for data in found} == {64}
    assert (
        replace(BINDING, member="a", key=b"bc").report_data()
        != replace(BINDING, member="ab", key=b"c").report_data()
    )


@pytest.mark.parametrize("kind", [SNP, TDX])
def test_evidence_for_another_question_is_refused(kind):
    rules, item = policy(), machine(kind).item(DATA)
    assert rules.verify([item], DATA, NOW)[0].bound == DATA
    for field, value in (("member", "hospital-1"), ("key", bytes(32)), ("nonce", bytes(32)), ("size", 8)):
        other = replace(BINDING, **{field: value}).report_data()
        assert refused(rules, item, data=other) == "evidence-binding"


def test_a_card_is_bound_to_the_report_of_the_processor_beside_it():
    rules, cpu = policy(), machine(SNP).item(DATA)
    both = (machine(GPU).item(gpu_nonce(DATA)), cpu)
    assert [claims.kind for claims in rules.verify(both, DATA, NOW)] == [GPU, SNP]
    assert refused(rules, machine(GPU).item(DATA[:32]), cpu) == "evidence-binding"


def test_what_the_rules_forbid_is_refused_by_name():
    def of(**fields) -> Claims:
        return replace(Claims(TDX, DATA, {"mrtd": LAUNCH}, status="UpToDate"), **fields)

    rules = policy(measurements=((TDX, "mrtd", (LAUNCH,)),))
    rules.check(of())
    for claims, check in (
        (of(open_to=("debug",)), "evidence-debug"),
        (of(open_to=("migration",)), "evidence-migration"),
        (of(status="OutOfDate"), "evidence-status"),
        (of(status="Revoked"), "evidence-status"),
        (of(status="never heard of"), "evidence-status"),
        (of(measurements={"mrtd": bytes(48)}), "evidence-measurement"),
        (of(kind="sgx"), "evidence-kind"),
    ):
        with pytest.raises(EvidenceRefused) as caught:
            rules.check(claims)
        assert caught.value.check == check
    replace(rules, forbidden=()).check(of(open_to=("debug", "migration")))
    replace(rules, statuses=("OutOfDate",)).check(of(status="OutOfDate"))


def test_evidence_of_a_kind_that_is_not_asked_for_is_refused():
    assert refused(policy(kinds=(SNP,)), machine(TDX).item(DATA)) == "evidence-kind"


def test_rules_have_one_encoding_and_come_back_from_it():
    for rules in (policy(), policy(RECORDED, (SNP,), maximum_age=60, forbidden=()),
                  policy(measurements=((SNP, "launch", (bytes(48), LAUNCH)), (TDX, "mrtd", (LAUNCH,))))):  # fmt: skip
        assert Policy.from_item(decode_item(encode_item(rules.to_item()))) == rules


@pytest.mark.parametrize(
    "fields",
    [
        {"level": "none"},
        {"kinds": ()},
        {"kinds": (GPU,)},
        {"kinds": (TDX, SNP)},
        {"kinds": (SNP, SNP)},
        {"kinds": ("sgx", SNP)},
        {"roles": ()},
        {"roles": ("owner",)},
        {"maximum_age": 0},
        {"maximum_age": True},
        {"maximum_age": 1 << 40},
        {"forbidden": ("migration", "debug")},
        {"statuses": ()},
        {"statuses": ("Revoked",)},
        {"measurements": ((SNP, "mrtd", (LAUNCH,)),)},
        {"measurements": ((SNP, "launch", ()),)},
        {"measurements": ((SNP, "launch", (b"short",)),)},
        {"measurements": ((SNP, "launch", (LAUNCH, LAUNCH)),)},
        {"roots": ()},
        {"roots": ((SNP, bytes(31)), (TDX, bytes(32)))},
        {"roots": ((TDX, bytes(32)), (SNP, bytes(32)))},
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_make_no_sense_are_refused(fields):
    usual = {"level": REQUIRED, "kinds": (SNP, TDX), "roots": vendor_roots((SNP, TDX))}
    Policy(**usual)
    with pytest.raises(ConfigurationError, match="attestation"):
        Policy(**{**usual, **fields})


@pytest.mark.parametrize("item", [None, 1, [], "required"])
def test_what_is_no_mapping_is_no_policy(item):
    with pytest.raises(ConfigurationError, match="a mapping"):
        Policy.from_item(item)


def test_whatever_stands_in_a_field_is_refused_with_words():
    plain = policy().to_item()
    for field in plain:
        for value in (None, -7, "x", [[]], [None], [["snp"]], {"a": 1}, [["snp", "launch", 5]], [[1, 2, 3, 4]]):
            with pytest.raises(ConfigurationError):
                Policy.from_item({**plain, field: value})
    with pytest.raises(ConfigurationError, match="KeyError"):
        Policy.from_item({})


def test_words_say_what_makes_rules_weak():
    assert "of any software" in policy().words and "no vendor's" in policy().words
    own = Policy(REQUIRED, KINDS, roots=vendor_roots(KINDS), measurements=((SNP, "launch", (LAUNCH,)),))
    assert "any software" not in own.words and "vendor" not in own.words
    assert (
        own.asks("hospital")
        and not own.asks("verifier")
        and not replace(own, level=RECORDED).asks("hospital")
    )
