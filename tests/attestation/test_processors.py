"""What is particular to a kind: states of machines, levels of firmware, revocations, other forms."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from proofward.attestation.claims import GPU, SNP, TDX, Item
from proofward.attestation.errors import CannotVerify, EvidenceRefused
from proofward.attestation.kinds import verify_item
from proofward.attestation.made_snp import LEVELS, MadeSnp
from tests.attestation.machines import NOW, bound, machine, made, roots

BEFORE = datetime.fromtimestamp(NOW, UTC) - timedelta(days=1)


def verified(item: Item):
    return verify_item(item, NOW, roots(item.kind))


def refused(item: Item) -> EvidenceRefused:
    with pytest.raises(EvidenceRefused) as caught:
        verified(item)
    return caught.value


def test_a_report_says_what_the_owner_of_an_amd_machine_has_allowed():
    for fields, expected in (({"debug": True}, ("debug",)), ({"migration": True}, ("migration",)),
                             ({"debug": True, "migration": True}, ("debug", "migration"))):  # fmt: skip
        assert verified(machine(SNP).item(bound(SNP), **fields)).open_to == expected


def test_an_intel_machine_that_can_be_debugged_is_refused():
    assert refused(machine(TDX).item(bound(TDX), debug=True)).check == "evidence-debug"


def test_a_level_of_firmware_that_is_not_the_certificates_is_refused():
    for place in range(len(LEVELS)):
        levels = tuple(level + (number == place) for number, level in enumerate(LEVELS))
        assert refused(machine(SNP).item(bound(SNP), levels=levels)).check == "evidence-platform"


def test_what_intel_says_of_the_firmware_is_told():
    claims = verified(machine(TDX).item(bound(TDX), status="OutOfDate"))
    assert (claims.status, claims.advisories) == ("OutOfDate", ("MADE-SA-00001",))
    assert refused(machine(TDX).item(bound(TDX), status="Revoked")).check in (
        "evidence-revoked",
        "evidence-platform",
    )


@pytest.mark.parametrize("kind", [SNP, TDX])
def test_collateral_that_has_expired_is_refused(kind):
    assert (
        refused(replace(made(kind), collateral=machine(kind).collateral(last=BEFORE))).check
        == "evidence-time"
    )


def test_a_chip_whose_certificate_has_expired_is_refused():
    old = MadeSnp(machine(SNP).root, last=BEFORE)
    assert refused(old.item(bound(SNP))).check == "evidence-time"


def test_a_revoked_certificate_is_refused_and_the_list_may_be_left_out():
    own = machine(SNP)
    for revoked in own.holder.chain[:2]:
        found = refused(replace(made(SNP), collateral=own.collateral(revoked.serial_number)))
        assert found.check == "evidence-revoked"
    assert verified(replace(made(SNP), collateral=own.holder.text)).kind == SNP


def test_a_list_of_the_revoked_by_somebody_else_is_refused():
    other = MadeSnp()
    listed = other.collateral()[len(other.holder.text) :]
    assert refused(replace(made(SNP), collateral=machine(SNP).holder.text + listed)).check == "evidence-chain"


def test_certificates_in_another_order_or_number_are_refused():
    parts = [block + b"-----END CERTIFICATE-----\n" for block in
             machine(SNP).holder.text.split(b"-----END CERTIFICATE-----\n")[:-1]]  # fmt: skip
    chip, signing, root = parts
    for text in (root + signing + chip, chip + root, chip + signing, chip + signing + root + root, b""):
        assert refused(replace(made(SNP), collateral=text)).check.startswith("evidence-")
    spaced = machine(SNP).holder.text.replace(b"\n", b"\n\n", 1)
    assert refused(replace(made(SNP), collateral=spaced)).check == "evidence-collateral"


def test_a_report_by_another_key_of_the_chip_or_of_another_family_is_refused():
    for place, value in ((0x48, 4), (0x00, 6), (0x00, 1)):
        data = bytearray(made(SNP).evidence)
        data[place] = value
        assert refused(replace(made(SNP), evidence=bytes(data))).check == "evidence-format"
    data = bytearray(made(SNP).evidence)
    data[0], data[0x188] = 3, 0x1A
    assert "family" in refused(replace(made(SNP), evidence=bytes(data))).expected


def test_collateral_of_intel_that_is_no_json_or_lacks_a_part_is_refused():
    for text in (b"{}", b"[]", b"1", b"\xff", b'{"tcb_info_issuer_chain": 5}', b"[" * 5000,
                 made(TDX).collateral[:-1], made(TDX).collateral.replace(b"root_ca_crl", b"root_ca_xxx")):  # fmt: skip
        assert refused(replace(made(TDX), collateral=text)).check in (
            "evidence-collateral",
            "evidence-format",
        )


def test_without_the_library_nothing_is_said_of_a_quote(monkeypatch):
    monkeypatch.setitem(sys.modules, "dcap_qvl", None)
    with pytest.raises(CannotVerify, match=r"proofward\[tee\]"):
        verified(made(TDX))
    assert verified(made(SNP)).kind == SNP and verified(made(GPU)).kind == GPU


def test_measurements_of_a_card_differ_with_its_firmware():
    own, other = verified(made(GPU)), verified(machine(GPU).item(bound(GPU), b"other"))
    assert own.measurements != other.measurements and own.device["driver"] == "550.90.07"


def test_a_card_with_other_firmware_than_its_certificate_is_refused():
    card = machine(GPU)
    kept, card.firmware = card.firmware, bytes(48)
    try:
        item = card.item(bound(GPU))
    finally:
        card.firmware = kept
    assert refused(item).check == "evidence-platform"
