"""Evidence of every kind: what holds, and that any other bytes are refused by name and never crash."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from proofward.attestation.claims import (
    GPU,
    KINDS,
    LABELS,
    MAX_COLLATERAL_BYTES,
    MAX_EVIDENCE_BYTES,
    MEASUREMENT_BYTES,
    SNP,
    TDX,
)
from proofward.attestation.errors import EvidenceRefused
from proofward.attestation.kinds import verify_item
from proofward.attestation.roots import VENDORS
from proofward.catalogue.refusals import REFUSALS
from tests.attestation.machines import NOW, bound, machine, made, roots

AFTER = 2_600_000_000
"""When nothing that is made is valid any more."""
FORMAT, SIGNATURE, CHAIN = "evidence-format", "evidence-signature", "evidence-chain"
TEXT = {"evidence-collateral", CHAIN, "evidence-root", FORMAT, SIGNATURE, "evidence-platform"}


def at(names, *places):
    """The same names for every place."""
    return {place: names for place in places}


ALTERED = {
    SNP: {
        **at({FORMAT}, 0x00, 0x34, 0x330, 0x400, 0x49F),
        **at({SIGNATURE}, 0x04, 0x08, 0x0A, 0x10, 0x20, 0x30, 0x48, 0x50, 0x6F, 0x8F, 0x90, 0xBF, 0xC0, 0xE0, 0x140),
        **at({SIGNATURE}, 0x180, 0x186, 0x187, 0x1A0, 0x1DF, 0x1F0, 0x29F, 0x2A0, 0x2E0, 0x2E8, 0x32F),
    },
    TDX: {
        **at({FORMAT, "evidence-kind"}, 0, 2, 4, 8, 632, 764, 766, 1218),
        **at({SIGNATURE, "evidence-platform"}, 12, 28, 47, 48, 64, 120, 168, 184, 231, 232, 300, 376, 424, 520, 568),
        **at({SIGNATURE}, 631, 636, 690, 700, 763, 770, 1000, 1153, 1154, 1217, 1220),
        **at(TEXT, 1300, 1900, 2700),
    },
    GPU: {
        **at({FORMAT}, 0, 1, 2, 3, 37, 38, 41, 42, 45, 46, 47, 50),
        **at({SIGNATURE}, 4, 20, 35, 36, 39, 49, 52, 90, 98, 110, 200, -1, -48, -96),
    },
}  # fmt: skip
"""By kind: at which bytes one bit is changed, and by which names that may be refused."""


def check_of(item, time=NOW, under=None) -> str:
    """By which check evidence is refused."""
    with pytest.raises(EvidenceRefused) as caught:
        verify_item(item, time, roots(item.kind) if under is None else under)
    error = caught.value
    assert error.check in REFUSALS and error.expected and error.actual
    assert len(error.expected) < 300 and str(error).isprintable()
    return error.check


@pytest.mark.parametrize("kind", KINDS)
def test_made_evidence_holds_and_says_what_it_was_made_of(kind):
    claims = verify_item(made(kind), NOW, roots(kind))
    assert (claims.kind, claims.bound, claims.open_to) == (kind, bound(kind), ())
    assert tuple(claims.measurements) == LABELS[kind]
    assert {len(value) for value in claims.measurements.values()} == {MEASUREMENT_BYTES}
    assert f"bound to {bound(kind).hex()}" in claims.lines()


@pytest.mark.parametrize("kind", KINDS)
def test_every_altered_byte_is_refused_by_name(kind):
    places = ALTERED[kind]
    assert len(places) >= 20
    for place, names in places.items():
        data = bytearray(made(kind).evidence)
        data[place] ^= 1
        assert check_of(replace(made(kind), evidence=bytes(data))) in names, place


@pytest.mark.parametrize("kind", KINDS)
def test_any_other_length_is_refused(kind):
    data = made(kind).evidence
    for other in (
        b"",
        data[:1],
        data[:37],
        data[:100],
        data[: len(data) // 2],
        data[:-1],
        data + b"\1",
        data + data,
    ):
        assert check_of(replace(made(kind), evidence=other)) in (FORMAT, "evidence-collateral"), len(other)


@pytest.mark.parametrize("kind", KINDS)
def test_no_bytes_whatever_make_it_crash(kind):
    draw = random.Random(7)
    item = made(kind)
    for _ in range(25):
        data, text = bytearray(item.evidence), bytearray(item.collateral)
        for _ in range(6):
            data[draw.randrange(len(data))] = draw.randrange(256)
            text[draw.randrange(len(text))] = draw.randrange(256)
        check_of(replace(item, evidence=bytes(data)))
        check_of(replace(item, evidence=bytes(data), collateral=bytes(text)))
        check_of(replace(item, evidence=draw.randbytes(draw.randrange(3000))))
        check_of(replace(item, collateral=draw.randbytes(draw.randrange(300))))


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_under_another_root_is_refused(kind):
    assert check_of(made(kind), under=VENDORS[kind]) == "evidence-root"
    assert check_of(made(kind), under=()) == "evidence-root"


@pytest.mark.parametrize("kind", KINDS)
def test_evidence_is_refused_at_times_at_which_its_certificates_were_not_valid(kind):
    for time in (AFTER, 0):
        assert check_of(made(kind), time) == "evidence-time"
    assert check_of(made(kind), -1) == "evidence-time" == check_of(made(kind), 1 << 62)


@pytest.mark.parametrize("kind", KINDS)
def test_no_more_bytes_are_read_than_evidence_may_have(kind):
    assert check_of(replace(made(kind), evidence=bytes(MAX_EVIDENCE_BYTES + 1))) == FORMAT
    assert check_of(replace(made(kind), collateral=bytes(MAX_COLLATERAL_BYTES + 1))) == "evidence-collateral"


def test_evidence_of_one_kind_is_none_of_another():
    for kind in KINDS:
        for other in set(KINDS) - {kind}:
            assert check_of(replace(made(kind), kind=other)).startswith("evidence-")
    assert check_of(replace(made(SNP), kind="sgx"), under=()) == "evidence-kind"


@pytest.mark.parametrize("kind", KINDS)
def test_a_quote_signed_by_another_machine_is_refused(kind):
    other = type(machine(kind))()
    foreign = other.item(bound(kind))
    assert check_of(foreign) == "evidence-root"
    check = check_of(replace(foreign, collateral=made(kind).collateral))
    assert check in ("evidence-root", SIGNATURE, "evidence-platform")
