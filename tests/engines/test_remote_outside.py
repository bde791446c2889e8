"""Sites whose hospitals only count: each waits for its counts, only the sum is opened, who publishes is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.own_counts import (
    COUNTS,
    has_counts,
    publishes_counts,
    save_counts,
    set_publishes_counts,
    stored_counts,
)
from proofward.engines.run_folder import Plan
from proofward.federation.history.sums.counted import counted_sums
from proofward.federation.parties.equipment.counting import CountingTask, CountsUnavailable
from proofward.relations.rules.counting import untrained
from proofward.relations.scores.score_counting import counting_of
from proofward.relations.scores.score_counts import counts_of_probabilities
from proofward.relations.scores.score_layout import ScoreLayout
from tests.engines.remote_harness import Consortium, agreement

pytestmark = pytest.mark.slow
LAYOUT = ScoreLayout(2, 8, 2, outside="ab" * 32)
COUNTING = counting_of(LAYOUT, (1,), within_rows=False)
OPEN = "hospital-1"


def counting_only() -> Plan:
    made = agreement(rounds=1)
    return replace(made, config=untrained(3, 1, 40, True), counting=(COUNTING,))


def vectors(names):
    rng, found = np.random.default_rng(4), {}
    for name in names:
        chance = rng.random(20)
        both = np.stack([1 - chance, chance], axis=1)
        found[name] = counts_of_probabilities(LAYOUT, both, rng.integers(0, 2, 20))
    return found


def test_sites_send_what_was_counted_beforehand(tmp_path):
    agreed = counting_only()
    counts = vectors(agreed.hospitals)
    with Consortium(tmp_path, agreed) as consortium:
        homes = {name: Home(tmp_path / name / "home") for name in agreed.hospitals}
        late = homes["hospital-2"]
        for name in ("hospital-0", OPEN):
            save_counts(homes[name], name, COUNTING, counts[name])
        set_publishes_counts(homes[OPEN], OPEN, True)
        consortium.start()
        consortium.until(lambda: consortium.noted("waiting", party="hospital-2", check="records"))
        assert not has_counts(late, "hospital-2", (COUNTING,))
        save_counts(late, "hospital-2", COUNTING, counts["hospital-2"])
        consortium.join()
        history, objects = consortium.host.aggregator.history, consortium.host.aggregator.objects
        (found,) = counted_sums(history, objects)
        assert found.hospitals == tuple(counts) and np.array_equal(found.counts, sum(counts.values()))
        assert list(history.own_counts) == [(1, OPEN)] and history.refusals == []
        assert objects.get(history.own_counts[1, OPEN]) == counts[OPEN].astype("<i8").tobytes()
        assert consortium.audit() == []


def test_what_is_kept_at_a_site(tmp_path):
    terms = agreement()
    with Consortium(tmp_path, terms):
        home, name = Home(tmp_path / OPEN / "home"), OPEN
        assert not publishes_counts(home, name)
        set_publishes_counts(home, name, True)
        assert publishes_counts(home, name)
        set_publishes_counts(home, name, False)
        assert not publishes_counts(home, name)
        counts = vectors([name])[name]
        task = CountingTask(COUNTING, 1, name, np.zeros(0, dtype=np.int64), b"", 0, lambda: None, ())
        with pytest.raises(CountsUnavailable, match="proofward count"):
            stored_counts(home, name)(task)
        save_counts(home, name, COUNTING, counts)
        assert np.array_equal(stored_counts(home, name)(task), counts)
        path = home.member(name) / COUNTS.format(COUNTING.digest().hex())
        assert path.stat().st_mode & 0o077 == 0
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(CountsUnavailable, match="has not"):
            stored_counts(home, name)(task)
