"""Requests to join: only the site's own certificate speaks for a member, once, under the agreed terms."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofward.encoding import decode, encode
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.joining import JoinRequest, assemble, make_request, open_request
from proofward.engines.remote.carrying.messages import Assembled, Declined, Join, NotYet, read_answer
from proofward.federation.messages.basics.refusal import Refusal
from proofward.ledger.keys import SigningKey
from tests.engines.remote_harness import (
    SERVER,
    Consortium,
    agreement,
    files_under,
    open_desk,
    set_up,
    terms_of,
)
from tests.engines.remote_kits import issue, pem, rsa_key

pytestmark = pytest.mark.slow

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """One where nobody but the aggregator has joined."""
    root = tmp_path_factory.mktemp("joins")
    set_up(root, agreement())
    return open_desk(root)


def request(terms, member="hospital-0", site="hospital-0", key=KEY, authority="authority", days=(-1, 100)):
    return make_request(terms, member, key, pem(issue(site, authority, days)), pem(rsa_key(site)))


@pytest.fixture(scope="module")
def good(desk):
    """A request that is in order."""
    return request(desk.terms, "hospital-2", "hospital-2")


def ask(desk, data: bytes):
    return read_answer(desk.answer(encode(Join(data))))


def check(desk, data: bytes) -> str:
    before, answer = desk.lacking, ask(desk, data)
    assert isinstance(answer, Declined) and desk.lacking == before
    return answer.check


def test_requests_that_are_declined(desk):
    terms = desk.terms
    assert check(desk, request(terms, site="hospital-1")) == "certificate"
    assert check(desk, request(terms, authority="another authority")) == "certificate"
    assert check(desk, request(terms, site="authority")) == "certificate"
    assert check(desk, request(terms, days=(-10, -1))) == "certificate"
    assert check(desk, request(terms, days=(1, 10))) == "certificate"
    assert check(desk, request(terms_of(agreement(rounds=3), 60))) == "terms"
    good = decode(request(terms), JoinRequest)
    for changes, expected in (
        ({"member": "hospital-1"}, "signature"),
        ({"member": "stranger"}, "signature"),  # a hospital that was added might ask
        ({"member": "no name"}, "member"),
        ({"role": "verifier"}, "role"),
        ({"key": OTHER.public.raw}, "signature"),
        ({"key": bytes(32)}, "signature"),
        ({"key": b"\xff" * 32}, "signature"),
        ({"signature": b""}, "signature"),
        ({"endorsement": b""}, "certificate"),
        ({"certificate": b"\x30\x00"}, "signature"),
    ):
        assert check(desk, encode(replace(good, **changes))) == expected, changes
    for data in (b"\x00", b"\xff" * 1000, encode(good)[:-1], encode(good) + b"\x00"):
        assert check(desk, data) == "malformed"


@settings(max_examples=300)
@given(place=st.integers(0, 1 << 16), value=st.integers(0, 255), count=st.integers(1, 3))
def test_no_altered_request_is_believed(desk, good, place, value, count):
    data = bytearray(good)
    for step in range(count):
        data[(place + 31 * step) % len(data)] = value
    answer = ask(desk, bytes(data))
    assert isinstance(answer, Declined) or bytes(data) == good


def test_certificates_of_any_shape_are_judged(desk, rng: random.Random):
    """The signatures are right, the certificate is not: what the library raises is a refusal."""
    from proofward.engines.remote.agreement import joining

    good = decode(request(desk.terms), JoinRequest)
    for _ in range(300):
        der = bytearray(good.certificate)
        for _ in range(rng.randrange(1, 4)):
            der[rng.randrange(len(der))] ^= rng.randrange(1, 256)
        if rng.random() < 0.2:
            der = der[: rng.randrange(1, len(der))]
        if bytes(der) == good.certificate:
            continue
        forged = replace(good, certificate=bytes(der), signature=b"")
        message = forged.signed_part()
        forged = replace(forged, signature=joining.sign(message, KEY, joining._CONTEXT))
        assert check(desk, encode(forged)) == "certificate"


def test_one_key_a_member_and_one_member_a_key(tmp_path):
    set_up(tmp_path, agreement())
    desk = open_desk(tmp_path)
    terms = desk.terms
    assert isinstance(ask(desk, request(terms)), NotYet)
    assert isinstance(ask(desk, request(terms, days=(-2, 9))), NotYet), "with a new certificate"
    assert "hospital-0" not in desk.lacking
    assert check(desk, request(terms, key=OTHER)) == "join"
    assert check(desk, request(terms, "hospital-1", "hospital-1", KEY)) == "join"
    assert check(desk, request(terms, "verifier-0", "hospital-0", KEY)) == "join"
    again = open_desk(tmp_path)
    assert again.lacking == desk.lacking and check(again, request(terms, key=OTHER)) == "join"
    kept = files_under(tmp_path / SERVER / "home" / "joins")
    assert sorted(kept) == ["aggregator.join", "hospital-0.join"]


def test_all_requests_make_the_rules_and_a_substituted_one_does_not(tmp_path):
    terms = set_up(tmp_path, agreement())
    desk = open_desk(tmp_path)
    keys = {seat.member: SigningKey(seat.member.encode().ljust(32)) for seat in terms.seats}
    last = None
    for seat in terms.seats:
        if seat.site != SERVER:
            last = ask(desk, request(terms, seat.member, seat.site, keys[seat.member]))
    assert isinstance(last, Assembled)
    authority = pem(issue("authority"))
    rules = assemble(last.requests, terms, authority)
    assert rules.digest == desk.host.aggregator.rules.digest
    mine = decode(last.requests[1], JoinRequest)
    forged = encode(replace(mine, key=OTHER.public.raw))
    for requests in ((*last.requests, forged), (last.requests[0], forged, *last.requests[2:])):
        with pytest.raises(Refusal):
            assemble(requests, terms, authority)
    two = request(terms, mine.member, terms.find(mine.member).site, OTHER)
    assert open_request(two, terms, authority).key == OTHER.public.raw
    with pytest.raises(Refusal, match="join"):
        assemble((*last.requests, two), terms, authority)
    with pytest.raises(ValueError, match="keys"):
        assemble(last.requests[1:], terms, authority)


def test_a_member_that_hears_nonsense_asks_again_and_joins_with_its_own_key_only(tmp_path):
    with Consortium(tmp_path, agreement(rounds=1)) as consortium:
        honest, heard = consortium.desk.answer, []

        def nonsense(data: bytes) -> bytes:
            heard.append(data)
            return b"nonsense" if len(heard) <= 9 else honest(data)

        consortium.wire.answer = nonsense
        consortium.start()
        consortium.join()
        assert consortium.noted("declined", check="malformed")
        home = Home(tmp_path / "hospital-0" / "home")
        (home.root / "rules").unlink()
        (home.member("hospital-0") / "identity.key").unlink()
        OTHER.save(home.member("hospital-0") / "identity.key")
        earlier = consortium.desk.requests()
        consortium.wire.answer = lambda data: encode(Assembled(earlier))
        consortium.start("hospital-0")
        site = consortium.sites["hospital-0"]  # its verifier has its key: it may be the first to know the rules
        consortium.until(lambda: consortium.noted("declined", check="join") or "hospital-0" in site.failures)
