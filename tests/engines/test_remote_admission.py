"""A hospital that comes when the terms are fixed: it is given the rules, and what the desk refuses it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.encoding import decode, encode
from proofward.engines.remote.agreement.home import ADDED, Home, HomeError
from proofward.engines.remote.agreement.joining import JoinRequest, make_request, require_own
from proofward.engines.remote.agreement.request_files import REQUESTS
from proofward.engines.remote.agreement.requests import (
    ADMIT,
    pending_admissions,
    pending_revocations,
    request_admission,
    request_revocation,
)
from proofward.engines.remote.carrying.messages import Assembled, Declined, Join, NotYet, read_answer, write
from proofward.federation.messages.basics.refusal import Refusal
from proofward.ledger.keys import SigningKey
from tests.engines.remote_harness import SEED, agreement, open_desk, set_up
from tests.engines.remote_kits import certificates, issue, pem, rsa_key, write_kit

NEW, KEY = "hospital-new", SigningKey(bytes(range(32)))


def add_site(root, terms, name: str = NEW) -> Home:
    """The kit of one more hospital, as `consortium add-site` makes it."""
    write_kit(root / name / "startup", name)
    home = Home.create(root / name / "home", name, terms, None, SEED)
    home.write(ADDED, b"")
    home.confirm(None)
    return home


@pytest.fixture
def root(tmp_path):
    return tmp_path


def join_all(root, desk, terms) -> None:
    for seat in terms.seats:
        if seat.role != "aggregator":
            home, kit = Home(root / seat.site / "home"), certificates(root / seat.site / "startup")
            key = home.key(seat.member)
            desk.answer(write(Join(make_request(terms, seat.member, key, kit.certificate, kit.private_key))))


def asked(terms, name: str = NEW, site: str = NEW, authority: str = "authority", days=(-1, 100)) -> bytes:
    certificate = pem(issue(site, authority, days))
    return make_request(terms, name, KEY, certificate, pem(rsa_key(site)), added=True)


def answer(desk, data: bytes):
    return read_answer(desk.answer(write(Join(data))))


@pytest.mark.slow
def test_it_is_given_the_rules_once_the_others_have_joined_and_changes_nothing(root):
    terms = set_up(root, agreement())
    desk = open_desk(root)
    assert isinstance(answer(desk, asked(terms)), NotYet)
    join_all(root, desk, terms)
    rules = desk.home.rules
    found = answer(desk, asked(terms))
    assert isinstance(found, Assembled) and len(found.requests) == len(terms.seats)
    assert desk.home.rules == rules and rules is not None and rules.find(NEW) is None
    assert not list((root / "server" / "home").rglob(f"*{NEW}*"))
    desk.host.aggregator.ledger.close()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"authority": "others"}, "certificate"),
        ({"site": "hospital-0"}, "certificate"),
        ({"days": (-9, -2)}, "certificate"),
        ({"days": (2, 9)}, "certificate"),
    ],
)
def test_rejects_another_certificate(root, change, check):
    terms = set_up(root, agreement())
    desk = open_desk(root)
    found = answer(desk, asked(terms, **change))
    assert isinstance(found, Declined) and found.refusal.check == check


def test_rejects_another_role_key_or_terms(root):
    terms = set_up(root, agreement())
    desk = open_desk(root)
    request = decode(asked(terms), JoinRequest)
    for field, value, check in (
        ("role", "verifier", "role"), ("key", SigningKey(bytes(32)).public.raw, "signature"),
        ("terms", bytes(32), "terms"), ("endorsement", b"", "certificate"), ("member", "No", "member"),
    ):  # fmt: skip
        found = answer(desk, encode(replace(request, **{field: value})))
        assert isinstance(found, Declined) and found.refusal.check == check


@pytest.mark.slow
def test_a_name_of_the_terms_is_never_an_added_one(root):
    terms = set_up(root, agreement())
    with pytest.raises(Refusal, match="member"):
        make_request(
            terms, "hospital-0", KEY, pem(issue("hospital-0")), pem(rsa_key("hospital-0")), added=True
        )
    with pytest.raises(Refusal, match="member"):
        make_request(terms, NEW, KEY, pem(issue(NEW)), pem(rsa_key(NEW)))
    desk = open_desk(root)
    join_all(root, desk, terms)
    rules = desk.home.rules
    with pytest.raises(Refusal, match="join"):
        require_own(rules, "hospital-0", rules.find("hospital-0").key, added=True)
    with pytest.raises(Refusal, match="join"):
        require_own(rules, NEW, KEY.public.raw)
    require_own(rules, NEW, KEY.public.raw, added=True)
    desk.host.aggregator.ledger.close()


def test_its_kit_has_one_seat(root):
    terms = set_up(root, agreement())
    home = add_site(root, terms)
    assert [(seat.member, seat.role, seat.site) for seat in home.seats] == [(NEW, "hospital", NEW)]
    assert home.terms.digest == terms.digest and home.added and not Home(root / "hospital-0" / "home").added
    with pytest.raises(HomeError):
        _ = Home(root / "nowhere").seats


def test_votes_wait_as_files_and_what_is_none_is_passed_over(tmp_path):
    key = KEY.public.raw
    assert pending_admissions(tmp_path) == []
    assert request_admission(tmp_path, "b", key) and not request_admission(tmp_path, "b", key)
    assert request_admission(tmp_path, "b", bytes(32)) and request_revocation(tmp_path, "c", "gone")
    name = f"{ADMIT}b.{key.hex()}"
    good = (tmp_path / REQUESTS / name).read_bytes()
    for other, data in (
        (f"{ADMIT}a.{key.hex()}", good), (f"{ADMIT}d", b""), (f"{ADMIT}e", b"[" * 5000), (f"{ADMIT}f", b"\xff"),
        (f"{ADMIT}g.zz", b'{"member": "g", "key": "zz"}'), (f"{ADMIT}h.3", b'{"member": "h", "key": 3}'),
        (f".{name}.tmp", good), (f"{ADMIT}i.{'A' * 64}", f'{{"member": "i", "key": "{"A" * 64}"}}'.encode()),
    ):  # fmt: skip
        (tmp_path / REQUESTS / other).write_bytes(data)
    (tmp_path / REQUESTS / f"{ADMIT}j").mkdir()
    assert sorted(pending_admissions(tmp_path)) == [("b", bytes(32)), ("b", key)]
    assert pending_revocations(tmp_path) == [("c", "gone")]
