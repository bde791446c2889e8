"""Who is waited for, in words."""

from __future__ import annotations

from proofward.federation.history.progress.waiting import MOST_NAMES, listed


def test_of_very_many_the_first_are_named_and_the_others_counted():
    names = [f"hospital-{number:03}" for number in range(500)]
    few = names[:MOST_NAMES]
    assert listed([]) == "" and listed(few) == ", ".join(few)
    assert listed(names) == f"{', '.join(few)} and 480 more"
