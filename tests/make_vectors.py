"""Write `tests/vectors/`: proofs of small statements, forgeries and edits of them, and the verdict on each.

Run `python -m tests.make_vectors [toy] [committed] [enrolment] [round]` from the repository's folder, after a change of
the protocol only. Without a name all relations are written.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from proofward.proof.counter import Plan
from proofward.proof.transcript import Transcript
from proofward.relations.proofs.measure import round_plan
from proofward.relations.records.enrolment import enrolment, enrolment_plan
from proofward.relations.training_rounds.training_round import training_round
from tests.proof import committed
from tests.proof.cheats import (
    FalseProducts,
    FarFromCode,
    Recorder,
    Region,
    RegionVerifier,
    changing_entry,
    changing_message,
    replacing_columns,
)
from tests.proof.toy import plan, prove, seeded, toy, toy_witness
from tests.relations.cases import Case, config, enrol_with, make_case, prove_with, round_witness
from tests.relations.test_rejects_cheats import CHEATS
from tests.relations.test_rejects_enrolments import padded_dataset
from tests.vector_files import (
    FOLDER,
    RELATIONS,
    Vector,
    enrolment_to_dict,
    round_to_dict,
    verdict_of,
)

Edits = tuple[tuple[int, int, str], ...]


@dataclass
class Writer:
    """Collects the vectors of one relation."""

    relation: str
    vectors: list[Vector] = field(default_factory=list)

    def proof(self, name: str, data: bytes) -> str:
        """Store a proof, or a ciphertext, as a file."""
        title = f"{self.relation}-{name}"
        (FOLDER / f"{title}.gz").write_bytes(gzip.compress(data, mtime=0))
        return title

    def add(self, name: str, statement: dict[str, Any], proof: str, expected: str, edits: Edits = ()) -> None:
        """Enter a vector; the verdict must be accepted or not, as expected."""
        vector = Vector(self.relation, name, statement, proof, edits, "")
        verdict = verdict_of(self.relation, statement, vector.proof_bytes())
        if (verdict == "accepted") != (expected == "accepted"):
            raise AssertionError(f"{vector.identity}: {verdict}, expected {expected}")
        self.vectors.append(Vector(self.relation, name, statement, proof, edits, verdict))

    def add_edits(self, statement: dict[str, Any], proof: str, data: bytes, regions: list[Region]) -> None:
        """One edit of every kind of region, and of the length."""
        kinds: dict[str, Region] = {}
        for region in regions:
            kinds.setdefault(region.what, region)
        for what, region in kinds.items():
            middle = (region.start + region.stop) // 16 * 8
            flipped = bytes([data[middle] ^ 1]).hex()
            self.add(f"flipped bit in {what}", statement, proof, "refused", ((middle, 1, flipped),))
        message = kinds["padded message"].start
        self.add("word of ones", statement, proof, "refused", ((message, 8, "ff" * 8),))
        modulus = ((1 << 64) - (1 << 32) + 1).to_bytes(8, "little").hex()
        columns = next(region for what, region in kinds.items() if what.startswith("columns of"))
        self.add("the modulus as an entry", statement, proof, "refused", ((columns.start, 8, modulus),))
        self.add("last byte missing", statement, proof, "refused", ((len(data) - 1, 1, ""),))
        self.add("one byte more", statement, proof, "refused", ((len(data), 0, "00"),))
        self.add("no bytes", statement, proof, "refused", ((0, len(data), ""),))
        self.add("first message missing", statement, proof, "refused", ((message, 16, ""),))

    def write(self) -> None:
        text = ",\n".join(json.dumps(vector.to_dict()) for vector in self.vectors)
        (FOLDER / f"{self.relation}.json").write_text(f"[\n{text}\n]\n")


def regions_of(
    transcript: Transcript, plan: Plan, proof: bytes, script: Callable[[Any], object]
) -> list[Region]:
    verifier = RegionVerifier(transcript, plan, proof)
    verifier.run(lambda party: script(party) and None, 20)
    return verifier.regions


def write_toy() -> None:
    writer = Writer("toy")
    statement = {"transcript": b"toy".hex()}
    honest = prove(toy_witness(3))
    proof = writer.proof("honest", honest)
    writer.add("honest", statement, proof, "accepted")
    other = writer.proof("other-witness", prove(toy_witness(5), seed=9))
    writer.add("another witness", statement, other, "accepted")
    writer.add("another statement", {"transcript": b"toys".hex()}, proof, "refused")
    writer.add_edits(
        statement, proof, honest, regions_of(Transcript(b"toy"), plan(), honest, lambda p: toy(p, None))
    )
    prove(toy_witness(3), prover=Recorder)
    columns = dict(Recorder.last.columns)
    forgeries = {
        "wrong-product": prove(toy_witness(3), prover=changing_entry((1, 1), 17, columns)),
        "value-out-of-range": prove(
            toy_witness(3), prover=replacing_columns({"short": np.full(8, 64)}, columns)
        ),
        "changed-message": prove(toy_witness(3), prover=changing_message(40)),
        "false-products": prove(toy_witness(3), prover=FalseProducts),
        "far-from-the-code": prove(toy_witness(3), prover=FarFromCode),
    }
    for name, data in forgeries.items():
        writer.add(name.replace("-", " "), statement, writer.proof(name, data), "refused")
    writer.write()


def write_committed() -> None:
    writer = Writer("committed")
    statement = {"transcript": b"toy".hex()}
    honest = committed.told()
    proof = writer.proof("honest", honest)
    writer.add("honest", statement, proof, "accepted")
    a, b, c = toy_witness(5)
    other = writer.proof("other-witness", committed.told(witness=(a, b, c, b**2), seed=9))
    writer.add("another witness", statement, other, "accepted")
    writer.add("another statement", {"transcript": b"toys".hex()}, proof, "refused")
    writer.add_edits(statement, proof, honest, committed.verify(honest).regions)
    carried = committed.CarriesOn
    forgeries = {
        "wrong-p": committed.told(committed.delivering(committed.Committed, committed.changing_kept(0, 1))),
        "wrong-q-carried-on": committed.told(committed.delivering(carried, committed.changing_kept(1, 1))),
        "wrong-v-carried-on": committed.told(committed.delivering(carried, committed.changing_kept(2, 1))),
        "changed-message": committed.told(committed.delivering(committed.Committed, changing_message(40))),
        "matrix-far-from-the-code": committed.told(committed.delivering(committed.far_from_the_code(1))),
        "chosen-late": committed.told(committed.delivering(committed.ExchangesLate)),
    }
    for name, data in forgeries.items():
        writer.add(name.replace("-", " "), statement, writer.proof(name, data), "refused")
    writer.write()


def write_enrolment(case: Case) -> None:
    writer = Writer("enrolment")
    statement = enrolment_to_dict(case.enrolment)
    honest = case.enrolment_proof
    proof = writer.proof("honest", honest)
    writer.add("honest", statement, proof, "accepted")
    changes: dict[str, Any] = {
        "hospital": "h2",
        "rows": 10,
        "features": 4,
        "consortium": "00" * 32,
        "config": config(security=20, clip=5000).to_dict(),
    }
    for name, value in changes.items():
        writer.add(f"another {name}", {**statement, name: value}, proof, "refused")
    writer.add(
        "policy out of reach", {**statement, "config": config(security=128).to_dict()}, proof, "refused"
    )
    transcript = Transcript(case.enrolment.transcript())
    plan = enrolment_plan(case.enrolment)
    regions = regions_of(transcript, plan, honest, lambda p: enrolment(p, case.enrolment, None))
    writer.add_edits(statement, proof, honest, regions)
    enrol_with(case, Recorder)
    columns = dict(Recorder.last.columns)
    features, labels = padded_dataset(case)
    labels[4] = 2
    features[12, 0] = 1
    for name, forger in {
        "label-of-2": replacing_columns({"labels": labels}, columns),
        "row-that-is-not-enrolled": replacing_columns({"features": features.reshape(-1)}, columns),
        "changed-message": changing_message(33),
    }.items():
        writer.add(name.replace("-", " "), statement, writer.proof(name, enrol_with(case, forger)), "refused")
    writer.write()


def round_dict(writer: Writer, name: str, case: Case) -> dict[str, Any]:
    """The statement of an honest case, its ciphertext stored."""
    title = writer.proof(f"ciphertext-{name}", case.result.ciphertext.astype("<u8").tobytes())
    return round_to_dict(case.statement, title, case.result.sealed_shares)


def write_round(case: Case) -> None:
    writer = Writer("round")
    honest, ciphertext = case.result.proof, case.result.ciphertext
    sealed = case.result.sealed_shares
    words = writer.proof("ciphertext", ciphertext.astype("<u8").tobytes())
    statement = round_to_dict(case.statement, words, sealed)
    proof = writer.proof("honest", honest)
    writer.add("honest", statement, proof, "accepted")
    clipped = make_case(config(security=20, clip=30, rate=64), seed=2)
    other = writer.proof("clipped", clipped.result.proof)
    writer.add("clipped", round_dict(writer, "clipped", clipped), other, "accepted")
    deep = make_case(config(widths=(3, 3, 2, 2), security=20), rows=6, seed=3)
    third = writer.proof("three-layers", deep.result.proof)
    writer.add("three layers", round_dict(writer, "three-layers", deep), third, "accepted")
    weights, data = list(statement["initial_weights"]), ciphertext.astype("<u8").tobytes()
    weights[7] += 1
    altered = bytes([data[0] ^ 1]) + data[1:]
    changes: dict[str, Any] = {
        "round": 2,
        "attempt": 1,
        "hospital": "h2",
        "rows": 12,
        "weight_shift": 1,
        "beacon": "00" * 32,
        "consortium": "00" * 32,
        "dataset_root": case.result.dataset.root.hex(),
        "initial_weights": weights,
        "ciphertext": writer.proof("ciphertext-altered", altered),
        "sealed_shares": [*statement["sealed_shares"][:-1], "00" * 32],
        "config": config(security=20, clip=5000).to_dict(),
    }
    for name, value in changes.items():
        title = f"another {name.replace('_', ' ')}"
        writer.add(title, {**statement, name: value}, proof, "refused")
    short = {**statement, "ciphertext": writer.proof("ciphertext-short", data[:-8])}
    large = {**statement, "ciphertext": writer.proof("ciphertext-large", b"\xff" * 8 + data[8:])}
    writer.add("short ciphertext", short, proof, "refused")
    fewer = {**statement, "sealed_shares": statement["sealed_shares"][:-1]}
    writer.add("fewer sealed shares", fewer, proof, "refused")
    writer.add("ciphertext that is not canonical", large, proof, "refused")
    transcript = Transcript(case.statement.transcript(ciphertext))
    plan = round_plan(case.statement)
    regions = regions_of(
        transcript, plan, honest, lambda p: training_round(p, case.statement, ciphertext, lambda _: sealed, None)
    )
    writer.add_edits(statement, proof, honest, regions)
    witness, encryption = round_witness(case, seeded(3))
    prove_with(case, witness, encryption.ciphertext, Recorder, seeded(4))
    forger = replacing_columns({}, dict(Recorder.last.columns))
    for name in (
        "label flipped after enrolment",
        "skipped training",
        "scaled update",
        "shrunk multiplier below the bound",
    ):
        cheat, about = CHEATS[name](case)
        digests, data = prove_with(case, cheat, about, forger, seeded(4))
        title = writer.proof(f"ciphertext-{name.replace(' ', '-')}", about.astype("<u8").tobytes())
        said = round_to_dict(case.statement, title, digests)
        writer.add(name, said, writer.proof(name.replace(" ", "-"), data), "refused")
    writer.write()


def main(relations: Sequence[str]) -> None:
    """Write the files of these relations anew."""
    FOLDER.mkdir(exist_ok=True)
    for relation in relations:
        for old in (*FOLDER.glob(f"{relation}-*.gz"), *FOLDER.glob(f"{relation}.json")):
            old.unlink()
    if "toy" in relations:
        write_toy()
    if "committed" in relations:
        write_committed()
    if "enrolment" in relations or "round" in relations:
        case = make_case(config(security=20))
        if "enrolment" in relations:
            write_enrolment(case)
        if "round" in relations:
            write_round(case)
    files = sorted(FOLDER.iterdir())
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files)} bytes")


if __name__ == "__main__":
    main(sys.argv[1:] or RELATIONS)
