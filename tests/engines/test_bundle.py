"""An air-gapped hospital by memory stick: whole rounds, sticks carried by the test; refused bundles."""

from __future__ import annotations

import hashlib
import random
import time
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from proofward.encoding import encode
from proofward.engines.remote.agreement.home import Home, HomeError
from proofward.engines.remote.airgap import AirGap
from proofward.engines.remote.memory_sticks import bundle as format_
from proofward.engines.remote.memory_sticks import courier
from proofward.engines.remote.memory_sticks.bundle import Asked, Bundle, BundleEnvelope
from proofward.engines.remote.memory_sticks.gateway import REPLY, Gateway, Reply, accept, give
from proofward.federation.messages.basics.refusal import Refusal
from proofward.federation.storage.state_store import StateStore
from proofward.ledger.keys import SigningKey
from proofward.ledger.objects import ObjectStore
from tests.engines import remote_kits
from tests.engines.remote_harness import AUDITOR, Consortium, agreement
from tests.federation.adopted import adopt, tree
from tests.federation.fakes import FakeProofs
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow
ALONE = "hospital-2"
SITES = {"verifier-2": AUDITOR}
PUBLISHED = "beacon/own-share"  # of the nonces: the hospital says it openly in the end
BEACON = ["beacon-deal", "beacon-vouch", "beacon-shares"]
courier.PATIENCE_MS, courier.PAUSE = 50, 0.05


class Carrier:
    """Carries sticks between the air-gapped hospital's kit and its gateway's."""

    def __init__(self, consortium: Consortium, member: str = ALONE, gateway: str = AUDITOR) -> None:
        self.consortium = consortium
        self.member, self.gateway = member, self.home_of(gateway)
        self.airgap = AirGap(*self.home_of(member), proofs=FakeProofs())
        self.stick = consortium.root / "stick"
        self.stick.mkdir(exist_ok=True)
        self.trips: list[tuple[list[str], str]] = []
        self.kept: list[bytes] = []

    def home_of(self, site: str) -> tuple[Home, remote_kits.Certificates]:
        root = self.consortium.root / site
        return Home(root / "home"), remote_kits.certificates(root / "startup")

    def out(self, carried=lambda path: None) -> list[str]:
        """From the hospital to the gateway; the messages carried."""
        path = self.stick / "out"
        trip = self.airgap.export(self.airgap.seat(self.member), path)
        carried(path)
        self.kept.append(path.read_bytes())
        accept(*self.gateway, Bundle.read(path))
        return trip.topics

    def answered(self, due: bool = True):
        """The answer on the stick, once the federation waits for the hospital again."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(HomeError):
                given = give(self.gateway[0], self.member, self.stick / "back")
                if not due or given.reply.awaited or given.reply.phase == "closed":
                    return given
            time.sleep(0.02)
        reply = Gateway(self.gateway[0], self.member).record(REPLY, Reply)
        failures = [site.failures for site in self.consortium.sites.values()]
        raise AssertionError(f"no answer: {reply}, {failures}, {self.consortium.notes[-20:]}")

    def back(self):
        """From the gateway to the hospital; what it makes of it."""
        self.answered()
        return self.absorbed()

    def absorbed(self):
        self.kept.append((self.stick / "back").read_bytes())
        return self.airgap.absorb(Bundle.read(self.stick / "back"))

    def there_and_back(self):
        topics = self.out()
        trip = self.back()
        self.trips.append((topics, trip.phase))
        return trip


def secrets(folder: Path) -> dict[str, bytes]:
    """The private values that a member stores."""
    state = StateStore(folder / "state.sqlite")
    try:
        found = {name: state.secrets.get(name) for name in state.secrets.names()}
    finally:
        state.close()
    return {**found, "key-file": (folder / "identity.key").read_bytes()}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two rounds with a hospital whose kit is never started, and everything that was on its stick."""
    root = tmp_path_factory.mktemp("airgap")
    hidden: dict[str, bytes] = {}
    with Consortium(root, agreement(), sites=SITES) as consortium:
        consortium.start("hospital-0", "hospital-1", AUDITOR)
        carrier = Carrier(consortium)
        folder = root / ALONE / "home" / "members" / ALONE
        hidden["key"] = carrier.airgap.home.key(ALONE)._seed
        hidden["records"] = b"".join(part.tobytes() for part in carrier.airgap.home.dataset(ALONE))
        trip = carrier.there_and_back()
        while not trip.finished:
            hidden.update(secrets(folder))
            trip = carrier.there_and_back()
            assert trip.halted is None and trip.refusals == []
        hidden.update(secrets(folder))
        consortium.join()
        history = consortium.host.aggregator.history
        flaws = consortium.audit()
    return carrier, history, flaws, hidden


def test_two_rounds_by_stick(run):
    carrier, history, flaws, _ = run
    assert flaws == [] and history.refusals == [] and len(history.closed) == 2
    for state in history.closed:
        assert ALONE in state.accepted.record.hospitals
        assert ALONE in state.share_sums and ALONE in state.confirmations
    each = ["holder-keys", "upload", "shares-checked", "consent", "lock", "share-sum", "confirmation"]
    assert [topics for topics, _ in carrier.trips] == [[it] for it in ("join", "enrolment", *BEACON, *each, *each)]


def test_the_hospital_has_the_model_and_nothing_else(run):
    carrier, history, _, _ = run
    folder = carrier.consortium.root / ALONE / "home" / "members" / ALONE / "objects"
    assert ObjectStore(folder).digests() == [history.model]


def test_no_secret_is_on_a_stick(run):
    carrier, _, _, hidden = run
    assert len(carrier.kept) == 2 * len(carrier.trips)
    kinds = {"key", "key-file", "records", "dataset", "sealing", "own-share", "beacon"}
    assert {name.split("/")[0] for name in hidden} == kinds
    assert any(hidden[PUBLISHED] in data for data in carrier.kept), "in the end"
    for secret in (secret for name, secret in hidden.items() if name != PUBLISHED):
        windows = {secret[at : at + 64] for at in range(0, max(len(secret) - 63, 1), 64)}
        assert not any(window in data for data in carrier.kept for window in windows)


def test_everything_on_a_stick_is_the_ledgers(run):
    carrier, history, _, _ = run
    store = carrier.consortium.host.aggregator.ledger
    (carrier.stick / "seen").mkdir()
    for number, data in enumerate(carrier.kept):
        path = carrier.stick / "seen" / str(number)
        path.write_bytes(data)
        found = Bundle.read(path)
        assert all(hashlib.sha256(envelope).digest() in history.recorded for envelope in found.envelopes)
        assert all(store.has_object(digest) for digest in found.objects)


@pytest.fixture(scope="module")
def midway(tmp_path_factory):
    """Stopped when the hospital has its upload on a stick that has not been imported."""
    root = tmp_path_factory.mktemp("midway")
    with Consortium(root, agreement(rounds=1), sites=SITES) as consortium:
        consortium.start("hospital-0", "hospital-1", AUDITOR)
        carrier = Carrier(consortium)
        for _ in ("join", "enrolment", *BEACON, "holder-keys"):
            carrier.there_and_back()
        carrier.answered(due=False)
        assert carrier.airgap.export(carrier.airgap.seat(None), carrier.stick / "out").topics == ["upload"]
        for site in consortium.sites.values():
            site.stop.set()
    return carrier


@pytest.fixture
def here(midway, tmp_path):
    """A copy of it."""
    adopt(remote_kits.copy_of_a_living_folder(midway.consortium.root, tmp_path / "copy"))
    carrier = object.__new__(Carrier)
    carrier.consortium = type("", (), {"root": tmp_path / "copy"})()
    carrier.member, carrier.gateway = ALONE, carrier.home_of(AUDITOR)
    carrier.airgap = AirGap(*carrier.home_of(ALONE), proofs=FakeProofs())
    carrier.stick = tmp_path / "copy" / "stick"
    return carrier


def refused(here: Carrier, name: str, data: bytes | None = None, alone: bool = True) -> Refusal:
    """Why the bundle on the stick, or with these bytes, is not taken; nothing is written for it (alone)."""
    path = here.stick / name
    if data is not None:
        path.write_bytes(data)
    before = tree(here.stick.parent) if alone else None
    with pytest.raises(Refusal) as caught:
        found = Bundle.read(path)
        accept(*here.gateway, found) if found.header.direction == format_.OUT else here.airgap.absorb(found)
    assert before is None or tree(here.stick.parent) == before
    return caught.value


@pytest.mark.parametrize("name", ["out", "back"])
def test_rejects_truncated_bundles(here, name):
    data = (here.stick / name).read_bytes()
    rng = random.Random(name)
    lengths = {0, 1, 18, 19, 20, 23, 24, len(data) - 1, *(rng.randrange(len(data)) for _ in range(40))}
    for length in sorted(lengths):
        assert refused(here, name, data[:length]).check.startswith(("bundle-", "malformed"))
    assert refused(here, name, data + b"\0").check == "bundle-format"
    assert refused(here, name, b"").check == "bundle-format"


@pytest.mark.parametrize("name", ["out", "back"])
def test_rejects_flipped_bits_in_every_region(here, name):
    data = (here.stick / name).read_bytes()
    rng = random.Random(name)
    regions = [range(part * len(data) // 60, (part + 1) * len(data) // 60) for part in range(60)]
    before = tree(here.stick.parent)
    for at in (*map(rng.choice, regions), *range(300), *range(len(data) - 200, len(data))):
        flipped = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        refused(here, name, flipped, alone=False)
    (here.stick / name).write_bytes(data)
    assert tree(here.stick.parent) == before


def rewritten(here: Carrier, key: SigningKey | None = None, extra=(), objects=(), **changes) -> bytes:
    """The bundle on the stick with changes to its header, and more in it, signed again."""
    source, path = Bundle.read(here.stick / "out"), here.stick / "rewritten"
    with format_.BundleWriter(path, replace(source.header, **changes)) as writer:
        for record in (*map(BundleEnvelope, source.envelopes), *extra, source.asked):
            writer.add(record)
        for data in objects:
            writer.object(hashlib.sha256(data).digest(), BytesIO(data))
        writer.finish(key or here.airgap.home.key(ALONE))
    return path.read_bytes()


def test_rejects_what_is_not_the_members(here):
    other = here.gateway[0].key("verifier-3")
    assert refused(here, "other", rewritten(here, other)).check == "bundle-signature"
    assert refused(here, "other", rewritten(here, member="hospital-1")).check == "bundle-signature"
    key = Home(here.stick.parent / "hospital-1" / "home").key("hospital-1")
    assert refused(here, "other", rewritten(here, key, member="hospital-1")).check in ("signature", "sender")
    assert refused(here, "other", rewritten(here, member="nobody")).check == "member"
    assert refused(here, "other", rewritten(here, member="../../../tmp/x")).check == "member"
    assert refused(here, "other", rewritten(here, terms=bytes(32))).check == "terms"
    assert refused(here, "other", rewritten(here, consortium=bytes(32))).check == "consortium"
    assert refused(here, "other", rewritten(here, direction="back")).check == "bundle-format"
    assert refused(here, "other", rewritten(here, direction="up")).check == "bundle-format"
    assert refused(here, "other", rewritten(here, objects=[b"anything"])).check == "bundle-objects"
    assert refused(here, "other", rewritten(here, extra=[Asked((), ())])).check == "bundle-format"
    assert refused(here, "other", rewritten(here, extra=[format_.BundleJoin(b"x")])).check == "malformed"


def test_rejects_a_bundle_at_the_wrong_kit(here):
    found = Bundle.read(here.stick / "out")
    with pytest.raises(Refusal, match="bundle-direction"):
        here.airgap.absorb(found)
    with pytest.raises(Refusal, match="bundle-direction"):
        accept(here.airgap.home, here.airgap.kit, found)
    with pytest.raises(HomeError, match="server is no gateway"):
        accept(*here.home_of("server"), found)
    back = Bundle.read(here.stick / "back")
    with pytest.raises(Refusal, match="member"):
        AirGap(*here.home_of("hospital-1"), proofs=FakeProofs()).absorb(back)
    with pytest.raises(Refusal, match="bundle-direction"):
        accept(*here.gateway, back)


def frame(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def test_rejects_oversized_lengths(here):
    header = format_.MAGIC + frame(encode(Bundle.read(here.stick / "out").header))
    for length in (0xFFFFFFFF, format_.MAX_FRAME + 1, format_.MAX_FRAME, 5000):
        check = refused(here, "big", header + length.to_bytes(4, "big") + b"x" * 100).check
        assert check == ("bundle-size" if length > format_.MAX_FRAME else "bundle-truncated")
    big = encode(format_.BundleObject(bytes(32), 1 << 32))
    assert refused(here, "big", header + frame(big) + b"x").check == "bundle-truncated"
    bigger = big.replace((1 << 32).to_bytes(8, "big"), b"\xff" * 8)
    assert refused(here, "big", header + frame(bigger)).check == "malformed"
    assert refused(here, "big", header + frame(encode(Asked((), ()))) * 40000).check == "bundle-format"
    assert refused(here, "big", header + frame(encode(format_.BundleJoin(b"x"))) * 40000).check == "bundle-size"


def test_rejects_what_is_no_file(here, tmp_path):
    for path in (tmp_path, tmp_path / "nothing", Path("/dev/zero")):
        with pytest.raises(Refusal, match="bundle-file"):
            Bundle.read(path)
    (tmp_path / "thesis.txt").write_text("not to be overwritten")
    with pytest.raises(Refusal, match="bundle-file"):
        here.airgap.export(here.airgap.seat(None), tmp_path / "thesis.txt")
    assert (tmp_path / "thesis.txt").read_text() == "not to be overwritten"
