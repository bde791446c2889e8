"""Rounds that count over `engines/remote`: the same messages, the same sums as in one process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.plan import plan_of
from proofward.engines.remote.agreement.terms import Terms
from proofward.federation.history.sums.counted import counted_sums
from proofward.federation.messages.consortium.rules import RulesError
from proofward.relations.rules.counting import untrained
from tests.engines.remote_harness import Consortium, agreement, terms_of, topic
from tests.federation.counting import ALONE, own_counts, sum_of

pytestmark = pytest.mark.slow


def counts_only(rounds: tuple[int, ...] = (1, 2)):
    found = agreement(verifiers=1, rounds=len(rounds))
    return replace(found, config=untrained(3, 1, 40, True), counting=(replace(ALONE, rounds=rounds),))


def sums(consortium: Consortium) -> list[list[int]]:
    aggregator = consortium.host.aggregator
    return [own.counts.tolist() for own in counted_sums(aggregator.history, aggregator.objects)]


def test_sites_without_records_count_and_go_on_after_a_restart(tmp_path):
    """A site stops with its upload on the way, twice that of round 2, and repeats what it had said."""
    asked: list[tuple[str, int]] = []

    def source(task):
        asked.append((task.hospital, task.round))
        return own_counts(task)

    options = {"counts": lambda member: source}
    with Consortium(tmp_path, counts_only()) as consortium:

        def lost(site, request, number):
            return (
                (0, False)
                if site == "hospital-1" and topic(request) == "upload" and len(asked) > 3
                else (1, True)
            )

        consortium.wire.trouble = lost
        consortium.start(**options)
        consortium.until(lambda: asked.count(("hospital-1", 2)) == 1 and consortium.phase("upload", 2))
        consortium.stop("hospital-1")
        consortium.wire.trouble = lambda site, request, number: (1, True)
        consortium.start("hospital-1", **options)
        consortium.join()
        history = consortium.host.aggregator.history
        assert history.refusals == [] and sums(consortium) == [sum_of((0, 1, 2))] * 2
        assert sorted(asked) == [(f"hospital-{site}", number) for site in range(3) for number in (1, 2)]
        homes = {name: Home(tmp_path / name / "home") for name in consortium.names if name != "auditor"}
        assert not any(home.has_dataset(name) for name, home in homes.items())
        assert consortium.audit() == []


def test_terms_that_count_what_makes_no_sense_are_refused():
    terms = terms_of(counts_only(), 60)
    assert plan_of(Terms.from_bytes(terms.data)).counting == terms.counted
    assert terms.check().counting == terms.counted == counts_only().counting
    with pytest.raises(RulesError, match="counting"):
        replace(terms, counting=b"\x01").check()
    with pytest.raises(RulesError, match="counting"):
        replace(terms, rounds=1).check()
