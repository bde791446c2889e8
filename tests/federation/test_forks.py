"""At most one sum is opened from a model, whatever a dishonest aggregator shows to whom."""

from __future__ import annotations

import random

import pytest

from proofward.engines.in_process import Parties
from proofward.federation.parties.hospital import Hospital
from tests.federation.fakes import plan
from tests.federation.forks import opened_sets, past

pytestmark = pytest.mark.slow

VERIFIERS = {"verifier-0"}


class AnswersTwice(Hospital):
    """Has no memory of what it has consented to or locked: an honest hospital without the rules."""

    def require_only_set(self, name, accepted):
        """Requires nothing."""

    def abandon(self):
        """Abandons what it has opened, too."""
        from proofward.federation.messages.records.catalogue import Abandonment

        state = self.history.round
        if self.name not in state.abandonments:
            yield self.say(Abandonment(state.accepted.digest))


def agreed_for(hospitals: int, threshold: int):
    return plan(hospitals=hospitals, verifiers=1, rounds=1, threshold=threshold)


def names(indices) -> set[str]:
    return {f"hospital-{index}" for index in indices}


def split(directory, hospitals, threshold, seed):
    """A random attack; what was opened on each side, and who is dishonest."""
    rng = random.Random(seed)
    agreed = agreed_for(hospitals, threshold)
    dishonest = set(rng.sample(range(hospitals), rng.randint(0, threshold)))
    honest = [index for index in range(hospitals) if index not in dishonest]
    left = {index for index in honest if rng.random() < rng.choice((0.3, 0.5, 0.7))}
    sides = [names(left | dishonest), names((set(honest) - left) | dishonest)]
    topic = rng.choice(("shares-checked", "consent", "consent"))
    before = past(directory / "past", agreed, topic)
    everybody = names(range(hospitals))
    found = []
    for number, side in enumerate(sides):
        recorded = everybody if rng.random() < 0.5 else set(rng.sample(sorted(everybody), rng.randint(0, hospitals)))
        lost = {(name, rng.choice(("consent", "lock", "share-sum"))) for name in side if rng.random() < 0.2}
        engine = before.fork(directory / str(number), side | VERIFIERS, recorded, lost)
        found.append((engine, opened_sets(engine)))
    return found, names(honest), engine.rules.colluding_holders


@pytest.mark.parametrize(("hospitals", "threshold"), [(5, 2), (6, 2), (4, 1)])
@pytest.mark.parametrize("seed", [pytest.param(n, marks=pytest.mark.exhaustive if n > 2 else ()) for n in range(8)])
def test_at_most_one_sum_is_opened_and_every_honest_hospital_in_it_has_consented(
    tmp_path, hospitals, threshold, seed
):
    found, honest, needed = split(tmp_path, hospitals, threshold, seed)
    assert needed == threshold + 1
    assert len({members for _, sets in found for members in sets}) <= 1
    for engine, sets in found:
        history = engine.aggregator.history
        for state in [*history.closed, *([history.current] if history.current else [])]:
            if sets and state.accepted is not None and state.share_sums:
                members = set(state.accepted.record.hospitals)
                assert members & honest <= set(state.consents)


def attack(tmp_path, agreed, dishonest, left, **options):
    """Sum A opened on one ledger, and abandoned on the other, where the round is tried again."""
    hospitals = set(range(len(agreed.hospitals)))
    before = past(tmp_path / "past", agreed, "consent", **options)
    first = before.fork(tmp_path / "a", names(left | dishonest) | VERIFIERS, names(hospitals), **options)
    others = names(hospitals - left) | VERIFIERS
    second = before.fork(tmp_path / "b", others, names(hospitals - left), **options)
    return opened_sets(first), opened_sets(second)


def test_the_number_of_dishonest_hospitals_is_exact(tmp_path):
    agreed = agreed_for(5, 2)
    first, second = attack(tmp_path / "three", agreed, {1, 2, 3}, {0})
    assert len(first) == 1 and len(second) == 1 and first != second
    first, second = attack(tmp_path / "two", agreed, {1, 2}, {0, 3})
    assert len(first) == 1 and second == []
    first, second = attack(tmp_path / "divided", agreed, {1, 2}, {0})
    assert first == [] and len(second) == 1


def test_without_the_rules_of_consent_one_dishonest_hospital_is_enough(tmp_path):
    everywhere = Parties(hospitals={f"hospital-{index}": AnswersTwice for index in range(6)})
    agreed = agreed_for(6, 2)
    before = past(tmp_path / "past", agreed, "consent", parties=everywhere)
    all_of_them = names(range(6))
    first = before.fork(tmp_path / "a", all_of_them | VERIFIERS, all_of_them, parties=everywhere)
    second = before.fork(
        tmp_path / "b", all_of_them | VERIFIERS, all_of_them - names({0}), lost={("hospital-0", "consent")}, parties=everywhere
    )
    assert len({*opened_sets(first), *opened_sets(second)}) == 2


@pytest.mark.parametrize("hospitals", [5, 6])
def test_a_fork_after_the_verdicts_opens_one_sum_at_most(tmp_path, hospitals):
    """The attacks of the privacy review: one double endorser among five, nobody dishonest among six."""
    agreed = agreed_for(hospitals, 2)
    dishonest = {0} if hospitals % 2 else set()
    before = past(tmp_path / "past", agreed, "shares-checked")
    everybody, last = set(range(hospitals)), hospitals - 1
    left = set(range(hospitals // 2)) | dishonest
    first = before.fork(tmp_path / "a", names(left) | VERIFIERS, names(everybody))
    second = before.fork(tmp_path / "b", names((everybody - left) | dishonest) | VERIFIERS, names(everybody - {last}))
    assert len({*opened_sets(first), *opened_sets(second)}) <= 1
