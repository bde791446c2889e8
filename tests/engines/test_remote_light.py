"""Hospitals that follow heads, over `engines/remote`: what they ask and get, a restart, a host that withholds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.engines.remote.agreement import following
from proofward.engines.remote.agreement.following import Following
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.messages import Follow, FollowHeads
from proofward.federation.messages.scaling import HEADS, Scaling
from tests.engines.remote_harness import Consortium, one_slot_one_envelope
from tests.federation.committee_plans import committee_plan

pytestmark = pytest.mark.slow
LIGHT = ("hospital-1", "hospital-4")


def light_plan(**changes):
    return replace(committee_plan(**{"rounds": 2, **changes}), scaling=Scaling(follow=HEADS))


def follow_heads(root, *members, **more) -> None:
    for member in members:
        following.keep(Home(root / member / "home").member(member), Following(True, **more))


def test_two_of_six_hospitals_follow_heads_and_one_of_them_restarts(tmp_path):
    with Consortium(tmp_path, light_plan()) as consortium:
        follow_heads(tmp_path, *LIGHT)
        consortium.start()
        consortium.until(lambda: consortium.phase("upload", 1))
        consortium.stop(LIGHT[0])
        consortium.start(LIGHT[0])
        consortium.join()
        history = consortium.host.aggregator.history
        print([state.committee for state in history.closed])
        print({name: (consortium.wire.count(Follow, name), consortium.wire.count(FollowHeads, name)) for name in consortium.names})
        assert consortium.audit() == [] and history.refusals == []
        assert all(set(LIGHT) <= set(state.accepted.record.hospitals) for state in history.closed)
        one_slot_one_envelope(consortium.wire.said)
