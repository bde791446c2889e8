"""Seeded mutants of every byte region of enrolment and round proofs: none is accepted, none raises another error.

PROOFWARD_MUTANTS sets their number, 200 of each proof by default; the long run takes 20000.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from proofward.proof.errors import ProofRejected
from proofward.proof.transcript import Transcript
from proofward.relations.proofs.measure import round_plan
from proofward.relations.proofs.prove import verify_round
from proofward.relations.records.enrolment import enrolment, enrolment_plan, verify_enrolment
from proofward.relations.training_rounds.training_round import training_round
from tests.proof.cheats import Region, RegionVerifier
from tests.relations.cases import Case

MUTANTS = int(os.environ.get("PROOFWARD_MUTANTS", "200"))


def regions_of(case: Case, relation: str) -> list[Region]:
    """Where everything is in a proof."""
    if relation == "enrolment":
        statement, proof = case.enrolment, case.enrolment_proof
        verifier = RegionVerifier(Transcript(statement.transcript()), enrolment_plan(statement), proof)
        verifier.run(lambda party: enrolment(party, statement, None), 20)
    else:
        about, result = case.statement, case.result
        transcript = Transcript(about.transcript(result.ciphertext))
        verifier = RegionVerifier(transcript, round_plan(about), result.proof)
        verifier.run(
            lambda party: (
                training_round(party, about, result.ciphertext, lambda _: result.sealed_shares, None) and None
            ),
            20,
        )
    return verifier.regions


def flip_bit(data: bytearray, region: Region, random: np.random.Generator) -> None:
    data[random.integers(region.start, region.stop)] ^= 1 << int(random.integers(8))


def set_byte(data: bytearray, region: Region, random: np.random.Generator) -> None:
    data[random.integers(region.start, region.stop)] = int(random.integers(256))


def fill_word(data: bytearray, region: Region, random: np.random.Generator) -> None:
    """A word of 0, of ones (which is not canonical), or of P - 1."""
    start = int(random.integers(region.start, region.stop)) // 8 * 8
    word = (0, (1 << 64) - 1, (1 << 64) - (1 << 32))[int(random.integers(3))]
    data[start : start + 8] = word.to_bytes(8, "little")


def add_one(data: bytearray, region: Region, random: np.random.Generator) -> None:
    start = int(random.integers(region.start, region.stop)) // 8 * 8
    word = (int.from_bytes(data[start : start + 8], "little") + 1) % (1 << 64)
    data[start : start + 8] = word.to_bytes(8, "little")


def add_modulus(data: bytearray, region: Region, random: np.random.Generator) -> None:
    """The same element in another encoding, where there is one."""
    start = int(random.integers(region.start, region.stop)) // 8 * 8
    word = (int.from_bytes(data[start : start + 8], "little") + (1 << 64) - (1 << 32) + 1) % (1 << 64)
    data[start : start + 8] = word.to_bytes(8, "little")


def swap_words(data: bytearray, region: Region, random: np.random.Generator) -> None:
    one, two = (int(x) // 8 * 8 for x in random.integers(region.start, region.stop, 2))
    data[one : one + 8], data[two : two + 8] = data[two : two + 8], data[one : one + 8]


def cut(data: bytearray, region: Region, random: np.random.Generator) -> None:
    del data[random.integers(region.start, region.stop) :]


def remove(data: bytearray, region: Region, random: np.random.Generator) -> None:
    start = int(random.integers(region.start, region.stop))
    del data[start : start + int(random.integers(1, 64))]


def insert(data: bytearray, region: Region, random: np.random.Generator) -> None:
    start = int(random.integers(region.start, region.stop + 1))
    data[start:start] = random.bytes(int(random.integers(1, 64)))


def repeat(data: bytearray, region: Region, random: np.random.Generator) -> None:
    start = int(random.integers(region.start, region.stop))
    data[region.stop : region.stop] = data[start : region.stop]


def scramble(data: bytearray, region: Region, random: np.random.Generator) -> None:
    data[region.start : region.stop] = random.bytes(region.stop - region.start)


MUTATIONS = [
    flip_bit,
    set_byte,
    fill_word,
    add_one,
    add_modulus,
    swap_words,
    cut,
    remove,
    insert,
    repeat,
    scramble,
]


def mutants(proof: bytes, regions: list[Region], count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(what was done, mutant): all mutations of all kinds of regions in turn, single regions at random."""
    random = np.random.default_rng(seed)
    kinds: dict[str, list[Region]] = {}
    for region in regions:
        kinds.setdefault(region.what, []).append(region)
    number = made = 0
    while made < count:
        what = list(kinds)[number % len(kinds)]
        mutation = MUTATIONS[(number // len(kinds)) % len(MUTATIONS)]
        region = kinds[what][int(random.integers(len(kinds[what])))]
        data = bytearray(proof)
        mutation(data, region, random)
        number += 1
        if bytes(data) != proof:
            made += 1
            yield f"{mutation.__name__} in {what} at {region.start}", bytes(data)


def survivors(
    verify: Callable[[bytes], object], proof: bytes, regions: list[Region], count: int, seed: int
) -> tuple[list[str], set[str]]:
    """Mutants that were accepted or raised something else, and the names of the checks that refused the rest."""
    bad: list[str] = []
    checks: set[str] = set()
    for what, mutant in mutants(proof, regions, count, seed):
        try:
            verify(mutant)
            bad.append(f"accepted: {what}")
        except ProofRejected as error:
            checks.add(error.check)
        except Exception as error:
            bad.append(f"{type(error).__name__} {error}: {what}")
    return bad, checks


@pytest.mark.slow
@pytest.mark.parametrize("relation", ["enrolment", "round"])
def test_no_mutant_is_accepted_and_none_crashes(case: Case, relation: str) -> None:
    regions = regions_of(case, relation)
    if relation == "enrolment":
        proof = case.enrolment_proof
        bad, checks = survivors(
            lambda data: verify_enrolment(case.enrolment, data), proof, regions, MUTANTS, 1
        )
    else:
        proof = case.result.proof
        bad, checks = survivors(
            lambda data: verify_round(
                case.statement, case.result.ciphertext, case.result.sealed_shares, data
            ),
            proof,
            regions,
            MUTANTS,
            2,
        )
    assert bad == []
    assert regions[0].start == 0 and regions[-1].stop == len(proof)
    assert {
        "length",
        "encoding",
        "linear constraints",
        "combined row at the out-of-domain point",
        "tableau root",
    } <= checks


def test_mutants_reach_every_kind_of_region(case: Case) -> None:
    regions = regions_of(case, "round")
    kinds = {region.what for region in regions}
    assert len(kinds) == 2 + 4 + 9
    made = list(mutants(case.result.proof, regions, 200, 2))
    assert len({data for _, data in made}) > 0.98 * len(made)
    for kind in kinds:
        assert any(f" in {kind} at " in what for what, _ in made)
    done = {what.split(" in ")[0] for what, _ in made}
    assert done == {mutation.__name__ for mutation in MUTATIONS}


@pytest.mark.parametrize("relation", ["enrolment", "round"])
def test_rejects_every_short_prefix(case: Case, relation: str) -> None:
    proof = case.enrolment_proof if relation == "enrolment" else case.result.proof
    for region in regions_of(case, relation)[::9]:
        for end in (region.start, region.start + 1):
            with pytest.raises(ProofRejected, match="length"):
                if relation == "enrolment":
                    verify_enrolment(case.enrolment, proof[:end])
                else:
                    result = case.result
                    verify_round(case.statement, result.ciphertext, result.sealed_shares, proof[:end])
