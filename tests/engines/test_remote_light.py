"""Hospitals that follow heads, over `engines/remote`: what they ask and get, a restart, a host that withholds."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner

from proofward.cli.main import main
from proofward.data.columns.schema import FEATURES_NAME
from proofward.encoding import decode
from proofward.engines.remote import heads_watch, link
from proofward.engines.remote.agreement import following
from proofward.engines.remote.agreement.following import Following
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.carrying.messages import (
    Declined,
    Extended,
    Follow,
    FollowHeads,
    Headed,
    NotYet,
    Recorded,
    Unsigned,
    read_answer,
    read_request,
    write,
)
from proofward.engines.remote.hosting import host
from proofward.federation.messages.consortium.scaling import HEADS, Scaling
from proofward.federation.messages.light_answers import LightAnswer
from proofward.federation.messages.records.heads import Head
from proofward.federation.parties.verifier import Verifier
from proofward.ledger.checkpoint import sign_checkpoint
from proofward.ledger.keys import SigningKey
from proofward.ledger.note import parse_note
from proofward.report.handover.models.model_source import NoModel, followed_so_far
from proofward.witness.answering import Answer as Said
from proofward.witness.asking import Asked
from proofward.witness.cosignature import CosigningKey
from tests.cli.test_enrol import SCHEMA
from tests.engines.remote_harness import Consortium, one_slot_one_envelope
from tests.engines.remote_kits import as_kit
from tests.federation.committee_plans import with_committees
from tests.federation.fakes import plan

pytestmark = pytest.mark.slow
WAITED_FOR = ["upload", "shares", "consent", "between rounds"]
"""Heads that a hospital without shares is shown in any case: it may read that a round begins, and enough others
may have locked before it asks.
"""
LIGHT = ("hospital-4", "hospital-3")
"""Sites without a verifier. The first one holds shares in the first round."""
NO_ANSWER = b"no answer"
WITNESS = CosigningKey("witness.example", SigningKey(bytes(32)))


def light_plan(hospitals: int, rounds: int):
    """Two of the hospitals hold shares: fewer than the policy demands."""
    agreed = with_committees(plan(hospitals, 3, rounds, threshold=1), 20, 17)
    committees = replace(agreed.committees, holders=2, sample=2, unsafe=True)
    config = replace(agreed.config, holders=2, threshold=1)
    return replace(agreed, committees=committees, config=config, scaling=Scaling(follow=HEADS))



def follow_heads(root, *members, **more) -> None:
    for member in members:
        following.keep(Home(root / member / "home").member(member), Following(True, **more))


class Watched(Consortium):
    """Two hospitals follow heads; from `victim` heads are kept back as long as `withholds()`."""

    def __init__(self, root, agreed, victim="", withholds=lambda: False):
        super().__init__(root, agreed)
        follow_heads(root, *LIGHT, witnesses=(Asked("http://witness.example", WITNESS.cosigner),))
        self.wire.answer = self._answered
        self.victim, self.withholds = victim, withholds
        self.refusals: list[tuple[str, str, str]] = []
        self.lies = [Extended(b"no head", False), Headed(NO_ANSWER, False), Recorded()]

    def _answered(self, data: bytes) -> bytes:
        request = read_request(data)
        if isinstance(request, FollowHeads) and request.member != self.victim and self.lies:
            return write(self.lies.pop())
        answer = self.desk.answer(data)
        if isinstance(request, FollowHeads) and request.member == self.victim and self.withholds():
            time.sleep(0.05)
            return write(NotYet("no newer head"))
        return answer

    def start(self, *names: str, **options) -> None:
        super().start(*names, **{"observe": self._observe, **options})

    def _observe(self, event) -> None:
        if event.refusal is not None:
            self.refusals.append((event.party, event.refusal.check, str(event.refusal)))

    def limit(self, name: str) -> float:
        """Seconds after which a hospital says that no newer head comes."""
        return 0.3 if name == self.victim and self.withholds() else 3600.0

    def cosigned(self, url: str) -> Said:
        """What a witness shows who has cosigned all that there is."""
        aggregator = self.host.aggregator
        size = aggregator.history.size
        note = sign_checkpoint(size, aggregator.history.roots[size], aggregator.signer)
        return Said(200, note.decode() + WITNESS.line(parse_note(note)[0], 1))

    def answers(self, name: str) -> list[tuple[object, object, int]]:
        """Requests of a hospital with answers and the bytes of these, as they came."""
        return [(request, read_answer(data), len(data)) for site, request, data in self.wire.received if site == name]

    def heads(self, name: str) -> list[Head]:
        shown = [answer for _, answer, _ in self.answers(name) if is_head(answer)]
        return [decode(decode(answer.answer, LightAnswer, max_bytes=1 << 23).head, Head) for answer in shown]

    def outside(self, number: int) -> list[str]:
        """Who of those that follow heads held no shares in a round."""
        return [name for name in LIGHT if name not in self.host.aggregator.history.closed[number - 1].committee]

    def sizes(self, name: str, number: int) -> dict[str, int]:
        """Bytes of the answers with heads of a round, by phase."""
        found = [(answer, size) for _, answer, size in self.answers(name) if is_head(answer)]
        return {head.phase: size for head, (_, size) in zip(self.heads(name), found, strict=True) if head.round == number}

    def bytes_of(self, name: str, kind: type) -> int:
        return sum(size for _, answer, size in self.answers(name) if isinstance(answer, kind))


def is_head(answer, number=0) -> bool:
    """Whether an answer has a head, of a certain round if one is asked for."""
    if not isinstance(answer, Headed) or answer.answer == NO_ANSWER:
        return False
    head = decode(answer.answer, LightAnswer, max_bytes=1 << 23).head
    return head != b"" and number in (0, decode(head, Head).round)


def document(*arguments):
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Six hospitals, two rounds: of two that follow heads one misses some in the first, and one restarts."""
    root = tmp_path_factory.mktemp("light")
    told = threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        consortium = Watched(root, light_plan(6, 2), LIGHT[1])
        patch.setattr(link, "PAUSES", (0.05,))
        patch.setattr(heads_watch.HeadsWatch, "limit", property(lambda watch: consortium.limit(watch.member.name)))
        consortium.withholds = lambda: consortium.phase("shares", 1) and not told.is_set()
        patch.setattr(heads_watch, "over_http", lambda timeout: consortium.cosigned)
        with consortium:
            consortium.start()
            consortium.until(lambda: any(check == "heads-withheld" for _, check, _ in consortium.refusals))
            told.set()
            consortium.until(lambda: consortium.host.aggregator.history.position()[0] == 2)
            consortium.stop(LIGHT[0])
            consortium.start(LIGHT[0])
            consortium.join()
            consortium.flaws = consortium.audit()
            yield consortium


def test_they_take_part_in_every_round(run):
    history = run.host.aggregator.history
    assert run.flaws == [] and history.refusals == [] and history.phase == "closed"
    assert all(set(LIGHT) <= set(state.accepted.record.hospitals) for state in history.closed)
    one_slot_one_envelope(run.wire.said)


def test_who_holds_no_shares_reads_heads_and_no_entries(run):
    assert run.outside(1) == [LIGHT[1]] and run.outside(2) == list(LIGHT)
    assert [head for head in run.heads(LIGHT[0]) if head.round == 1] == []
    for name in LIGHT:
        phases = [head.phase for head in run.heads(name) if head.round == 2]
        assert [phase for phase in phases if phase not in ("keys", "lock")] == WAITED_FOR
        places = [at for at, (_, answer, _) in enumerate(run.answers(name)) if is_head(answer, 2)]
        assert not any(isinstance(request, Follow) for request, _, _ in run.answers(name)[places[0] : places[-1]])


def test_what_is_sent_does_not_grow_with_the_number_of_hospitals(run, tmp_path):
    fewer = run.sizes(LIGHT[1], 1)["upload"]
    with Watched(tmp_path, light_plan(10, 1)) as larger:
        larger.start()
        larger.join()
        name = larger.outside(1)[0]
        sizes = larger.sizes(name, 1)
        everything = {who: larger.bytes_of(who, Extended) for who in ("hospital-0", name)}
    assert abs(sizes["upload"] - fewer) < 34 * 7, "more than some hashes of paths"
    assert sum(sizes.values()) < 25_000
    assert everything[name] < everything["hospital-0"] - 10_000


def test_a_host_that_withholds_is_reported_with_what_a_witness_has_seen(run):
    told = [(who, said) for who, check, said in run.refusals if check == "heads-withheld"]
    ((who, words),) = told
    assert who == LIGHT[1]
    asked = [type(request) for request, _, _ in run.answers(who)]
    assert Follow in asked[asked.index(FollowHeads) :]  # it reads everything for the rest of that round
    assert "since there are at least" in words and "found none since" in words


def test_where_a_verifier_signs_no_heads_hospitals_read_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(link, "PAUSES", (0.05,))
    monkeypatch.setattr(host, "UNSIGNED", 0.0)
    signs = Verifier._sign_head

    def at_the_end(own):
        ended = own.history.phase == "between rounds"  # for the last head all wait until the deadline
        return signs(own) if ended or own.name != "verifier-2" else iter(())

    monkeypatch.setattr(Verifier, "_sign_head", at_the_end)
    with Watched(tmp_path, light_plan(6, 1)) as consortium:
        consortium.lies.clear()
        consortium.start()
        consortium.join()
        (state,) = consortium.host.aggregator.history.closed
        assert consortium.audit() == [] and set(LIGHT) <= set(state.accepted.record.hospitals)
        (name,) = consortium.outside(1)
        said = [type(answer) for _, answer, _ in consortium.answers(name)]
        assert Unsigned in said and Extended in said[said.index(Unsigned) :] and consortium.heads(name) == []
    assert not any(check == "heads-withheld" for _, check, _ in consortium.refusals)


def test_answers_that_are_none_are_asked_for_again(run):
    assert run.lies == [] and run.sites[LIGHT[0]].failures == {}
    assert [check for who, check, _ in run.refusals if who == LIGHT[0]] == ["malformed"]
    assert run.noted("declined", check="answer", culprit="transport")


def test_the_host_refuses_by_name_who_may_not_ask(run):
    for member, known in (("verifier-0", 0), ("nobody", 0)):
        answer = read_answer(run.desk.answer(write(FollowHeads(member, known, 0))))
        assert isinstance(answer, Declined) and (answer.check, answer.culprit) == ("follow", "transport")
    size = run.host.aggregator.history.size
    answer = read_answer(run.desk.answer(write(FollowHeads(LIGHT[0], size + 7, 0))))
    assert isinstance(answer, Headed) and len(answer.answer) < 2000


def test_a_kit_says_that_it_follows_heads_and_gives_the_model(run, tmp_path):
    kits = {name: as_kit(run.root / name, tmp_path / name) for name in (LIGHT[1], "hospital-0")}
    for kit in kits.values():
        Home(kit / "proofward").write(FEATURES_NAME, SCHEMA.to_bytes())
    said = document("status", kits[LIGHT[1]])
    (member,) = (found for found in said["members"] if found["role"] == "hospital")
    assert member["heads"].startswith(f"follows heads: entry {member['entries']} of ") and said["problems"] == []
    assert member["heads"].endswith("signed by 3 verifiers") and member["phase"] == "closed"
    models = [document("model", "export", kit, "--to", "json", "--out", tmp_path / f"{at}.json", "--force")
              for at, kit in enumerate(kits.values())]  # fmt: skip
    assert models[0]["model"] == models[1]["model"] and models[0]["round"] == 2
    card = (tmp_path / "0.json.card.md").read_text()
    assert "follows heads of the ledger" in card and "hospitals enrolled" not in card
    with pytest.raises(NoModel, match="follows heads"):
        followed_so_far(kits[LIGHT[1]])
