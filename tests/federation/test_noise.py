"""Whole federations with noise: what is committed to when, who is refused, and which seeds are left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proofward.engines.attacks.hospitals import DrawsNoiseAgain, SkipsNoise
from proofward.engines.in_process import InProcessFederation, Parties
from proofward.engines.operations.verification_worker import ACCEPTED, pack, verify
from proofward.federation.history.progress.standstill import no_way_on
from proofward.federation.history.proving.proofs import RelationProofs, RoundJob
from proofward.federation.history.state.history_state import KEYS, UPLOAD, VOUCH
from proofward.federation.history.steps.noise import ATTEMPTS
from proofward.federation.messages.records.catalogue import Consent, NoiseCommitment, Upload
from proofward.federation.parties.auditor import Auditor
from proofward.proof.errors import ProofRejected
from proofward.report.handover.proof_file import ProofFile, WithNoise, proof_files
from tests.federation.fakes import FakeProofs, datasets, plan
from tests.federation.harness import Stopped, Withholding
from tests.federation.private_plans import made_private, private_plan

pytestmark = pytest.mark.slow

LATE = "hospital-3"


def federation(folder, agreed=None, proofs=None, **options):  # type: ignore[no-untyped-def]
    agreed = agreed or private_plan()
    return InProcessFederation(
        folder, agreed, datasets(agreed), seed=b"s", proofs=proofs or FakeProofs(), **options
    )


def seeds_of(member):  # type: ignore[no-untyped-def]
    return {name for name in member.state.secrets.names() if name.startswith("noise/")}


def roots(count: int = ATTEMPTS) -> tuple[bytes, ...]:
    return tuple(bytes([index]) * 32 for index in range(count))


def test_hospitals_without_their_noise_are_refused_and_nobody_else(tmp_path) -> None:
    """With real proofs: everybody follows the rules but two hospitals."""
    proofs, agreed = RelationProofs(), made_private(plan(hospitals=6, verifiers=1, rounds=1, threshold=1))
    cheats = {"hospital-4": SkipsNoise, "hospital-5": DrawsNoiseAgain}
    engine = federation(tmp_path, agreed, proofs, parties=Parties(hospitals=cheats))
    result = engine.run()
    assert result.finished and result.halted == {}
    blamed = {(fault.culprit, fault.check) for fault in result.faults}
    assert blamed == {("hospital-4", "column queries"), ("hospital-5", "tableau root")}
    assert engine.aggregator.history.closed[0].accepted.record.hospitals == tuple(agreed.hospitals[:4])
    flaws = [flaw for flaw in Auditor(tmp_path / "ledger", proofs).run() if not flaw.passed]
    assert {flaw.refusal.culprit for flaw in flaws} <= set(cheats)
    check_files_and_pool(engine.aggregator)


def check_files_and_pool(aggregator) -> None:
    """Proof files and the processes of the verification pool know the roots, too."""
    files = {name: ProofFile.from_bytes(data) for name, data in proof_files(aggregator.history, aggregator.objects)}
    for name, expected in (("hospital-0", (ACCEPTED,)), ("hospital-5", ("rejected", "tableau root"))):
        file = files[f"proofs/{name}-round-1.proof"]
        assert isinstance(file, WithNoise) and ProofFile.from_bytes(file.data) == file
        assert file.noise_root == aggregator.history.noise_roots[1, name][0]
        job = RoundJob("", file.statement, file.sealed_shares, file.ciphertext, file.proof)
        assert verify(pack(job))[: len(expected)] == expected
    files["proofs/hospital-0-round-1.proof"].verify(accept_weak=True)
    with pytest.raises(ProofRejected, match="noise_root"):
        replace(file, noise_root=b"").verify(accept_weak=True)


def test_seeds_are_kept_until_the_upload_and_no_longer(tmp_path) -> None:
    engine, seen = federation(tmp_path), {}
    history = engine.aggregator.history

    def look() -> bool:
        for member in engine.hospitals.values():
            key = member.history.position(), member.history.phase, member.stored(Upload) is not None
            seen.setdefault(key, set()).update(seeds_of(member))
        return False

    result = engine.run(look)
    assert result.finished and result.weights.any()
    assert set(history.noise_roots) == {(number, name) for number in (1, 2) for name in engine.hospitals}
    of_round = {number: {f"noise/{number}/{attempt}" for attempt in range(ATTEMPTS)} for number in (1, 2, 3)}
    assert seen[(0, 0), VOUCH, False] == of_round[1]
    assert seen[(1, 0), KEYS, False] <= of_round[1] | of_round[2]
    assert seen[(1, 0), UPLOAD, True] == of_round[1] - {"noise/1/0"} | of_round[2]
    for (position, _, _), names in seen.items():
        assert position[0] < 2 or not names & of_round[1]
        assert position != (2, 0) or not names & of_round[3]
    assert [str(own) for own in Auditor(tmp_path / "ledger", FakeProofs()).run() if not own.passed] == []


def test_a_crash_before_the_upload_changes_no_noise(tmp_path) -> None:
    """Whoever starts again proves with the seed that it has committed to: `FakeProofs` asserts the root."""
    used, killed = [], []

    class Killed(FakeProofs):
        def prove_round(self, *known, noise_seed):  # type: ignore[no-untyped-def]
            used.append(noise_seed)
            made = super().prove_round(*known, noise_seed=noise_seed)
            if not killed:
                killed.append(noise_seed)
                raise KeyboardInterrupt
            return made

    engine = federation(tmp_path, private_plan(rounds=1), Killed())
    with pytest.raises(KeyboardInterrupt):
        engine.run()
    (first,) = killed
    assert first in [member.state.secrets.get("noise/1/0") for member in engine.hospitals.values()]
    engine.close()
    assert federation(tmp_path, private_plan(rounds=1), Killed()).run().finished
    assert used.count(first) == 2 and len(set(used)) == 4


def test_another_attempt_has_another_seed(tmp_path) -> None:
    network = Withholding(LATE, Consent.kind)
    engine = federation(tmp_path, private_plan(rounds=1), network=network)
    assert engine.run().finished
    (state,) = engine.aggregator.history.closed
    assert (state.number, state.attempt) == (1, 1) and LATE not in state.participants


def test_who_has_not_committed_takes_no_part(tmp_path) -> None:
    """Its other messages are recorded, but those that would bring the beacon nearer are not said."""
    engine = federation(tmp_path, network=Withholding(LATE, NoiseCommitment.kind))
    assert engine.run().finished
    history = engine.aggregator.history
    assert all(LATE not in state.participants for state in history.closed)
    assert LATE in history.enrolments and LATE in history.sharing.deals and LATE not in history.sharing.vouches


def test_a_round_has_as_many_attempts_as_commitments(tmp_path) -> None:
    stopped = Stopped(tmp_path, KEYS, agreed=private_plan())
    history, hospitals = stopped.history, stopped.plan.hospitals
    history.round.attempt = ATTEMPTS - 2
    assert set(hospitals) <= set(history.opening()[2])
    history.round.attempt = ATTEMPTS - 1
    number, attempt, left = history.opening()
    assert (number, attempt, left) == (1, ATTEMPTS, ("verifier-0",))
    history.round.attempt, history.round.participants = attempt, left
    end = no_way_on(history)
    assert end is not None and end.check == "participants"
    assert end.actual.count("it has committed to no noise of this attempt") == len(hospitals)
    stopped.engine.close()


def test_a_commitment_is_refused_by_name(tmp_path) -> None:
    stopped = Stopped(
        tmp_path / "private", KEYS, member=LATE, topic=NoiseCommitment.kind, agreed=private_plan(3)
    )
    for check, record in (
        ("round", NoiseCommitment(1, roots())),
        ("round", NoiseCommitment(3, roots())),
        ("noise-commitment", NoiseCommitment(2, roots(3))),
        ("noise-commitment", NoiseCommitment(2, (bytes(32),) * ATTEMPTS)),
    ):
        assert stopped.check(stopped.spoken(LATE, record)) == (check, LATE)
    stopped.history.judge(stopped.spoken(LATE, NoiseCommitment(2, roots())))
    said = stopped.spoken("hospital-0", NoiseCommitment(2, roots()))
    assert stopped.check(said) == ("equivocation", "hospital-0")
    assert stopped.check(stopped.spoken("verifier-0", NoiseCommitment(2, roots())))[0] == "role"
    stopped.engine.close()
    plain = Stopped(tmp_path / "plain", KEYS)
    assert plain.check(plain.spoken(LATE, NoiseCommitment(2, roots()))) == ("noise-commitment", LATE)
