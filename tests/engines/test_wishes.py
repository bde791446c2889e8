"""What operators ask for reaches a member that is only opened for a stick, too."""

from __future__ import annotations

import pytest

from proofward.engines.remote.agreement.end_requests import request_end
from proofward.engines.remote.agreement.home import Home
from proofward.engines.remote.agreement.requests import request_admission, request_revocation
from proofward.engines.remote.airgap import AirGap
from proofward.ledger.keys import SigningKey
from tests.engines.remote_harness import AUDITOR, Consortium, agreement
from tests.engines.remote_kits import certificates
from tests.federation.fakes import FakeProofs

pytestmark = pytest.mark.slow


def test_votes_of_an_air_gapped_verifier_are_on_its_stick(tmp_path):
    with Consortium(tmp_path, agreement(rounds=1)) as consortium:
        consortium.start()
        consortium.until(lambda: consortium.phase("upload"))
        consortium.stop(*consortium.names)
    home = Home(tmp_path / AUDITOR / "home")
    folder = home.member("verifier-3")
    request_revocation(folder, "hospital-2", "gone")
    request_revocation(folder, "nobody", "no such member: it is passed over")
    request_admission(folder, "hospital-9", SigningKey.generate(lambda count: b"9" * count).public.raw)
    request_end(folder, "enough", False)
    request_end(folder, "enough, and now", True)
    gap = AirGap(home, certificates(tmp_path / AUDITOR / "startup"), proofs=FakeProofs())
    for name in ("one", "two"):
        topics = gap.export(gap.seat("verifier-3"), tmp_path / name).topics
        assert topics.count("revocation-vote") == 1 and topics.count("end-vote") == 2
        assert topics.count("admission-vote") == 1
