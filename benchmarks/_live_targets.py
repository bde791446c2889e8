"""Targets of the tamper benchmark from a federation stopped in the middle: proofs, packets, key shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _targets import (
    DEALER,
    HALTED,
    HOLDER,
    VERIFIER,
    Intercepting,
    Regions,
    Target,
    federation,
    locate,
    parts_of,
    refusal_of,
)

from proofward.encoding import decode
from proofward.engines.in_process import InProcessFederation
from proofward.federation.history.proving.proofs import RelationProofs
from proofward.federation.history.proving.statements import enrolment_statement, round_statement
from proofward.federation.history.sharing.sealing_keys import pair_of
from proofward.federation.history.state.history_state import UPLOAD
from proofward.federation.messages.basics.values import integers_from_bytes
from proofward.federation.messages.consortium.rules import Rules
from proofward.federation.messages.envelope import Envelope
from proofward.federation.messages.records.catalogue import Enrolment, Upload
from proofward.federation.messages.wire import MAX_WIRE_BYTES, Extension, Packet
from proofward.federation.parties.following.extension import log_verifier
from proofward.lattice.sealing import open_sealed, pair_secret
from proofward.ledger.checkpoint import open_checkpoint
from proofward.proof.counter import Plan
from proofward.proof.party import Party
from proofward.proof.transcript import Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.evaluations.evaluation_statement import EvaluationStatement
from proofward.relations.proofs.evaluation_proof import opened_by
from proofward.relations.proofs.measure import UploadStatement, round_plan
from proofward.relations.records.enrolment import enrolment, enrolment_plan
from proofward.relations.training_rounds.training_round import training_round


class _Tracing(Verifier):
    """A verifier that notes what it takes the bytes for."""

    def __init__(self, challenger: Transcript, plan: Plan, proof: bytes) -> None:
        super().__init__(challenger, plan, proof)
        self.regions: Regions = {}

    def take(self, count: int, what: str) -> memoryview:
        start = self._position
        part = super().take(count, what)
        if count:
            self.regions.setdefault(what, []).append((start, start + count))
        return part


def proof_regions(
    context: bytes, plan: Plan, proof: bytes, script: Callable[[Party], object], bits: int
) -> Regions:
    tracing = _Tracing(Transcript(context), plan, proof)
    tracing.run(lambda party: (script(party), None)[1], bits)
    return tracing.regions


def upload_target(
    name: str,
    packet: Packet,
    statement: UploadStatement,
    plan: Callable[[Any], Plan],
    script: Callable[..., object],
) -> Target:
    """The proof of an upload on its way, judged beside its ciphertext and the digests of its shares."""
    proofs, (ciphertext, proof) = RelationProofs(), packet.attachments[:2]
    words = np.frombuffer(ciphertext, dtype="<u8").astype(np.uint64)
    digests = decode(packet.envelope, Envelope).record.sealed_shares
    about, rest = (statement, proof)
    if isinstance(statement, EvaluationStatement):
        about, rest = opened_by(statement, proof)
    regions = proof_regions(
        about.transcript(words),
        plan(about),
        rest,
        lambda party: script(party, about, words, lambda _: digests, None),
        about.config.security_bits,
    )
    if before := len(proof) - len(rest):
        shifted = {
            what: [(first + before, stop + before) for first, stop in own] for what, own in regions.items()
        }
        regions = {"left out": [(0, before)], **shifted}

    def judge(data: bytes) -> object:
        return proofs.verify_round(statement, digests, ciphertext, data)

    return Target(name, proof, regions, refusal_of(judge))


def _packet(data: bytes) -> Packet:
    return decode(data, Packet, max_bytes=MAX_WIRE_BYTES)


def live_targets(directory: Path) -> Iterator[Target]:
    """A round stopped while one hospital's upload is on its way."""
    network = Intercepting(DEALER, Upload.kind)
    engine = federation(directory, network)
    engine.run(lambda: engine.aggregator.history.phase == UPLOAD and bool(network.kept))
    rules = engine.rules
    yield Target("rules", rules.data, parts_of(rules.data), _rules_judge(rules))
    enrolled = next(m for who, kind, m in network.passed if (who, kind) == (DEALER, Enrolment.kind))
    yield _enrolment_proof(engine, enrolled)
    yield from _round_proof(engine, _packet(network.kept[0]))
    yield from _carried(engine, network.kept[0])


def _rules_judge(rules: Rules) -> Callable[[bytes], str | None]:
    parse = refusal_of(Rules.from_bytes)
    return lambda data: parse(data) or (None if Rules.from_bytes(data).digest == rules.digest else "digest")


def _enrolment_proof(engine: InProcessFederation, message: bytes) -> Target:
    packet = _packet(message)
    record, proof = decode(packet.envelope, Envelope).record, packet.attachments[0]
    assert isinstance(record, Enrolment)
    statement = enrolment_statement(engine.rules, DEALER, record.rows)
    regions = proof_regions(
        statement.transcript(),
        enrolment_plan(statement),
        proof,
        lambda party: enrolment(party, statement, None),
        statement.config.security_bits,
    )
    proofs = RelationProofs()
    return Target(
        "enrolment proof", proof, regions, refusal_of(lambda data: proofs.verify_enrolment(statement, data))
    )


def _round_proof(engine: InProcessFederation, packet: Packet) -> Iterator[Target]:
    """Proof, ciphertext, and one share, sealed and open."""
    history, proofs = engine.aggregator.history, RelationProofs()
    weights = integers_from_bytes(
        engine.aggregator.objects.get(history.round.model), engine.rules.config.model.parameters
    )
    assert weights is not None
    statement = round_statement(history, DEALER, weights)
    ciphertext, proof = packet.attachments[:2]
    digests = decode(packet.envelope, Envelope).record.sealed_shares
    found = proofs.verify_round(statement, digests, ciphertext, proof)
    yield upload_target("round proof", packet, statement, round_plan, training_round)
    yield Target(
        "ciphertext",
        ciphertext,
        parts_of(ciphertext),
        refusal_of(lambda data: proofs.verify_round(statement, digests, data, proof)),
    )
    holder = engine.hospitals[HOLDER]
    seed, pair = holder.state.secrets.get(holder.fact_name("sealing")), pair_of(history, DEALER, HOLDER)
    assert seed is not None
    secret, index = pair_secret(seed, pair), engine.rules.holder(HOLDER)
    position = [name for name in history.round.present if name != DEALER and name in engine.hospitals]
    sealed = packet.attachments[2 + position.index(HOLDER)]
    share = open_sealed(pair, secret, sealed)
    yield Target(
        "sealed share",
        sealed,
        {"encapsulation": [(0, 1120)], "encrypted share": [(1120, len(sealed))]},
        refusal_of(lambda data: open_sealed(pair, secret, data)),
    )

    def judge_share(data: bytes) -> str | None:
        return None if proofs.share_is_bound(found.share_binding, data, index) else "share binding"

    parts = {"holder": [(0, 4)], "blind": [(4, 20)], "values": [(20, len(share))]}
    yield Target("key share", share, parts, judge_share)


def _carried(engine: InProcessFederation, message: bytes) -> Iterator[Target]:
    """The packet to the aggregator, an extension to a member, and a checkpoint."""
    aggregator, member = engine.aggregator, engine.verifiers[VERIFIER]
    packet = _packet(message)
    names = ("ciphertext", "proof", *(f"sealed share {i}" for i in range(len(packet.attachments) - 2)))
    fields = [("envelope", packet.envelope), *zip(names, packet.attachments, strict=True)]
    extension = aggregator.extension(member.history.size)
    parts = decode(extension, Extension)
    if not parts.entries:
        raise RuntimeError("the member knows all entries: an accepted extension would not show")

    def judge(size: Callable[[], int], handle: Callable[[bytes], object], data: bytes) -> str | None:
        before, refused = size(), len(engine.refusals)
        handle(data)
        if size() != before:
            return None
        if member.halted is not None:
            stopped, member.halted = member.halted, None
            return f"{HALTED} {stopped.check}, blamed on {stopped.culprit}"
        return engine.refusals[-1][1].check if len(engine.refusals) > refused else None

    judge_extension = partial(judge, lambda: member.history.size, member.handle)
    judge_packet = partial(judge, lambda: aggregator.history.size, aggregator.handle)
    known = [("entries", parts.entries), ("checkpoint", parts.checkpoint), ("consistency", parts.consistency)]
    known.append(("signature", parts.signature))
    yield Target("extension", extension, locate(extension, known), judge_extension)
    yield Target("packet", message, locate(message, fields), judge_packet)
    verifier = log_verifier(engine.rules)
    note = parts.checkpoint
    yield Target("checkpoint", note, parts_of(note), refusal_of(lambda data: open_checkpoint(data, verifier)))
