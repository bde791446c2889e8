"""The limits of lists and bodies at `MAX_MEMBERS`: what fits does, and one more is refused before it costs."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_args, get_type_hints

import pytest

from proofward.encoding import Length, MalformedMessage, decode, encode, encode_item
from proofward.federation.messages.basics import field_types
from proofward.federation.messages.basics.field_types import MAX_BODY_BYTES, MOST_KEYS
from proofward.federation.messages.consortium.rules import AGGREGATOR, HOSPITAL, VERIFIER, Member, Rules
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import (
    KINDS,
    FederationOpened,
    HolderKeyRoot,
    HolderKeys,
    PlacedComplaint,
)
from proofward.federation.messages.wire import MOST_ATTACHED, Entry, Packet
from proofward.federation.storage.object_sizes import size_limits
from proofward.federation.storage.parts import PartTree
from proofward.lattice.parameters import MAX_MEMBERS
from proofward.lattice.sealing import PUBLIC_KEY_BYTES
from proofward.ledger.keys import SigningKey
from tests.federation.fakes import plan

LISTS = (
    (field_types.Names, "n" * 40),
    (field_types.SealedShares, bytes(32)),
    (field_types.BeaconShareList, bytes(field_types.BEACON_SHARE_BYTES)),
)


def length_of(annotation) -> Length:
    return next(part for part in get_args(annotation)[1:] if isinstance(part, Length))


@pytest.mark.parametrize(("annotation", "element"), LISTS)
def test_a_list_of_as_many_as_there_can_be_fits_a_body(annotation, element):
    assert length_of(annotation).most == MAX_MEMBERS
    assert len(encode_item([element] * MAX_MEMBERS)) < MAX_BODY_BYTES - 4096


def test_no_list_of_a_record_is_bounded_by_another_number():
    allowed = {MAX_MEMBERS, MOST_KEYS, 2, 16, 400}
    for record in KINDS.values():
        hints = get_type_hints(record, include_extras=True)
        for field in fields(record):
            annotation = hints[field.name]
            if get_args(annotation) and str(get_args(annotation)[0]).startswith("tuple"):
                assert length_of(annotation).most in allowed, (record.kind, field.name)


def test_a_binding_of_the_largest_degree_fits():
    assert length_of(field_types.Binding).most == 16 * MAX_MEMBERS < MAX_BODY_BYTES


def test_the_most_keys_fit_a_body_and_one_more_is_refused():
    keys = (bytes(PUBLIC_KEY_BYTES),) * MOST_KEYS
    assert MAX_BODY_BYTES - 2 * PUBLIC_KEY_BYTES < len(encode(HolderKeys(keys))) <= MAX_BODY_BYTES
    with pytest.raises(MalformedMessage, match="elements"):
        encode(HolderKeys((*keys, keys[0])))


def test_a_body_over_the_limit_is_refused_by_its_length():
    with pytest.raises(MalformedMessage, match=r"envelope\.body"):
        encode(Envelope(bytes(32), "a", HOSPITAL, 0, 0, 0, bytes(32), 0, bytes(MAX_BODY_BYTES + 1), b""))


def test_a_list_that_claims_more_than_there_is_is_refused_at_its_head():
    for count in (MAX_MEMBERS, 2**32 - 1, 2**63):
        body = b"\xa1\x65names" + b"\x9b" + count.to_bytes(8, "big")
        with pytest.raises(MalformedMessage):
            decode(body, *KINDS.values())


def test_a_packet_takes_a_share_for_every_holder_and_no_more():
    assert MOST_ATTACHED == MAX_MEMBERS + 2 and length_of(Entry).most > MAX_BODY_BYTES
    packet = Packet(b"e", (b"",) * MOST_ATTACHED)
    assert decode(encode(packet), Packet) == packet
    with pytest.raises(MalformedMessage, match="elements"):
        encode(Packet(b"e", (b"",) * (MOST_ATTACHED + 1)))


def test_rules_of_the_most_members_fit_the_first_entry_and_leave_no_room_for_more():
    agreed = plan(hospitals=MAX_MEMBERS - 4, verifiers=3, rounds=1)
    keys = (SigningKey(number.to_bytes(32, "big")).public.raw for number in range(MAX_MEMBERS))
    names = [(f"hospital-of-a-long-name-{number:05}", HOSPITAL) for number in range(MAX_MEMBERS - 4)]
    names += [("aggregator", AGGREGATOR), *((f"verifier-{number}", VERIFIER) for number in range(3))]
    members = tuple(Member(name, role, key) for (name, role), key in zip(sorted(names), keys, strict=True))
    rules = Rules("many", members, 2, agreed.minimum_updates, MAX_MEMBERS - 4, 1, agreed.config)
    assert rules.most_hospitals == len(rules.hospitals) == MAX_MEMBERS - 4
    assert FederationOpened(rules.data).rules == rules.data
    assert decode(encode(FederationOpened(rules.data)), FederationOpened).rules == rules.data
    assert Rules.from_bytes(rules.data) == rules


def test_as_many_dealers_as_there_can_be_members():
    keys = tuple(number.to_bytes(PUBLIC_KEY_BYTES, "big") for number in range(MAX_MEMBERS))
    tree = PartTree(keys)
    said = HolderKeyRoot(bytes(32), tree.root, MAX_MEMBERS)
    assert decode(encode(said), HolderKeyRoot) == said and len(encode(said)) < 200
    assert size_limits(said, 1) == {bytes(32): MAX_MEMBERS * PUBLIC_KEY_BYTES}
    complaint = PlacedComplaint("a", bytes(32), bytes(32), tree.path(MAX_MEMBERS - 1))
    assert decode(encode(complaint), PlacedComplaint) == complaint and len(complaint.path) <= 14
    with pytest.raises(MalformedMessage, match="number"):
        encode(replace(said, number=MAX_MEMBERS + 1))
    with pytest.raises(MalformedMessage, match="path"):
        encode(replace(complaint, path=(bytes(32),) * 17))
