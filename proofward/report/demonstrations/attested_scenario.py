"""A demonstration of evidence about machines: a small federation that requires it, and who is refused.

Three hospitals, two verifiers and the aggregator show honest evidence. Four hospitals more are voted in, and
each shows evidence in one of the dishonest ways of `engines.attacks.evidence`. All machines are made ones.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from proofward.attestation.binding import Binding, gpu_nonce
from proofward.attestation.claims import GPU, SNP, TDX
from proofward.attestation.collect import Attester, Prepared
from proofward.attestation.made_nvidia import MadeNvidia
from proofward.attestation.made_snp import LAUNCH, MadeSnp
from proofward.attestation.made_tdx import MRTD, MadeTdx
from proofward.attestation.policy import REQUIRED, ROLES, Policy
from proofward.engines.attacks.evidence import WAYS, Machine, honest
from proofward.engines.in_process import InProcessFederation, RunResult
from proofward.federation.history.history import History
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.history.steps.attestation import barred
from proofward.federation.parties.verifier import Verifier
from proofward.report.audits.audit_summary import AuditSummary
from proofward.report.audits.run_audit import RunAudit
from proofward.report.demonstrations.scenario import make_scenario
from proofward.report.handover.models.model_files import model_files

HOSPITALS, VERIFIERS, PRESET, SEED = 3, 2, "tiny", 1


@dataclass(frozen=True)
class Outcome:
    """result, history: of the run. summary: of its audit. kinds: of evidence that was shown."""

    result: RunResult
    history: History
    summary: AuditSummary
    kinds: tuple[str, ...]

    @property
    def refused(self) -> dict[str, str]:
        """By the name of a dishonest hospital, why it is barred."""
        return barred(self.history)

    def problems(self) -> Iterator[str]:
        """What did not come out as it has to."""
        if not self.result.finished:
            yield f"the federation did not end: {self.result.stopped}"
        for way in WAYS:
            if not (found := self.refused.get(way.name, "not refused")).startswith(f"{way.check}:"):
                yield f"{way.name}: expected {way.check}, found {found}"
        named = set(self.history.rules.hospitals)
        if set(self.history.enrolled) != named:
            yield f"enrolled: expected {sorted(named)}, found {sorted(self.history.enrolled)}"
        if not self.summary.consistent:
            yield f"the audit found flaws: {', '.join(map(str, self.summary.flaws[:3]))}"
        culprits, dishonest = {entry.member for entry in self.summary.breaches}, {way.name for way in WAYS}
        if culprits != dishonest:
            yield f"the audit accuses {sorted(culprits)}, and {sorted(dishonest)} were dishonest"

    def lines(self) -> Iterator[str]:
        """For people."""
        yield "All machines here are made ones, under roots that no vendor stands behind."
        yield f"rules: {self.history.rules.attestation.words}" if self.history.rules.attestation else ""
        yield f"accepted evidence of {', '.join(self.kinds)}; enrolled: {', '.join(self.history.enrolled)}"
        for way in WAYS:
            yield f"refused: {way.name} ({way.what}): {self.refused.get(way.name, 'NOT REFUSED')}"
        closed, agreed, _ = self.summary.end()
        yield f"rounds closed with proofs of everybody in the sum: {closed} of {agreed}"
        record = "consistent" if self.summary.consistent else "FLAWED"
        looked = self.summary.counts().get("attestation", {})
        again, wrong = sum(looked.values()), looked.get("refused", 0)
        yield f"audit: record {record}; evidence verified again: {again}, of which refused: {wrong}"


def attested_run(folder: Path) -> Outcome:
    """Runs the federation in an empty folder, and audits it."""
    proofs = RelationProofs()
    snp, tdx, gpu = MadeSnp(), MadeTdx(), MadeNvidia()
    kinds = (GPU, SNP, *((TDX,) if importlib.util.find_spec("dcap_qvl") else ()))
    scenario = make_scenario(PRESET, HOSPITALS, 1, SEED, VERIFIERS)
    allowed = ((SNP, "launch", (LAUNCH,)), (TDX, "mrtd", (MRTD,)))
    policy = Policy(
        level=REQUIRED,
        kinds=kinds,
        roles=ROLES,
        measurements=tuple(own for own in allowed if own[0] in kinds),
        roots=tuple((made.kind, made.fingerprint) for made in (gpu, snp, tdx) if made.kind in kinds),
    )
    plan = replace(scenario.plan, attestation=policy)
    processors: list[Machine] = [snp, tdx] if TDX in kinds else [snp]
    members = [*plan.hospitals, *plan.verifiers, plan.aggregator]
    attesters = {name: honest(processors[place % len(processors)]) for place, name in enumerate(members)}
    attesters[plan.hospitals[-1]] = _with_gpu(snp, gpu)
    for place, way in enumerate(WAYS):
        attesters[way.name] = way.make(processors[place % len(processors)], plan.hospitals[0])
    data = {name: (own.features, own.labels) for name, own in scenario.hospitals.items()}
    engine = InProcessFederation(folder, plan, data, proofs=proofs, attesters=attesters)
    for way in WAYS:
        added = engine.add_hospital(way.name, *data[plan.hospitals[0]])
        for verifier in engine.verifiers.values():
            assert isinstance(verifier, Verifier)
            verifier.request_admission(way.name, added.key.public.raw)
    result, history = engine.run(), engine.aggregator.history
    for name, content in (model_files(history.rules, result.weights) if result.finished else {}).items():
        (folder / name).write_bytes(content)
    auditor = RunAudit(folder, proofs)
    return Outcome(result, history, AuditSummary(list(auditor.run()), auditor.history), kinds)


def _with_gpu(machine: MadeSnp, gpu: MadeNvidia) -> Attester:
    """A processor with a graphics card beside it."""

    def attest(binding: Binding, time: int) -> Prepared:
        data = binding.report_data()
        return Prepared(binding, time, (machine.item(data), gpu.item(gpu_nonce(data))))

    return attest
