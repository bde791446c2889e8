"""What the largest round that rules admit costs whoever has to refuse its proof: memory and seconds.

    python benchmarks/hostile_claim.py [--preset cancercnn] [--steps 8] [--rows 512] [--smallest]

The proof is one of zeros, but for its nonce, and of the right length. It is followed to the opened columns,
as one is that agrees with every other check: nothing that a hostile prover sends costs more.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
from _machine import peak_memory, print_result, reset_peak_memory

from proofward.field.warm_up import warm_up
from proofward.lattice.parameters import ciphertext_length
from proofward.models.presets import PRESETS
from proofward.proof.errors import ProofRejected
from proofward.proof.grinding import find_nonce
from proofward.proof.party import Party
from proofward.proof.transcript import NONCE_BYTES, Transcript
from proofward.proof.verifier import Verifier
from proofward.relations.proofs.measure import blank_statement, round_plan
from proofward.relations.rules.config import RoundConfig
from proofward.relations.training_rounds.training_round import training_round
from proofward.relations.uploads.key_shares import DIGEST_BYTES

HOLDERS, THRESHOLD = 5, 2


class Patient(Verifier):
    """A verifier that finds nothing wrong before the opened columns."""

    def nonce(self) -> bytes:
        self.take(NONCE_BYTES, "nonce")
        return find_nonce(self.challenger, self.grinding)

    def check(self, name: str, sides: object) -> None:
        del name, sides


def measure(preset: str, steps: int, rows: int) -> dict[str, object]:
    """Refuse one such proof."""
    setup = PRESETS[preset]
    training = replace(setup.training, epochs=0, steps=steps)
    config = RoundConfig(
        setup.model,
        setup.scales,
        training,
        setup.clip_bound,
        HOLDERS,
        THRESHOLD,
        least_rows=rows,
        most_rows=rows,
    )
    statement = blank_statement(config, rows)
    plan = round_plan(statement)
    # written, so that they are in memory before it is measured
    ciphertext = np.full(ciphertext_length(config.model.parameters), 0, dtype=np.uint64)
    proof = bytes(bytearray(plan.proof_length.most))
    digests = (bytes(DIGEST_BYTES),) * HOLDERS

    def script(party: Party) -> None:
        training_round(party, statement, ciphertext, lambda _: digests, None)

    claimed = len(proof) + ciphertext.nbytes + statement.initial_weights.nbytes
    reset_peak_memory()
    before, started = peak_memory(), time.process_time()
    try:
        Patient(Transcript(statement.transcript(ciphertext)), plan, proof).run(script, config.security_bits)
    except ProofRejected as error:
        check = error.check
    return {
        "preset": preset,
        "steps": steps,
        "rows": rows,
        "refused_by": check,
        "bytes_of_the_claim": claimed,
        "peak_bytes": peak_memory(),
        "peak_bytes_beyond_the_start": peak_memory() - before,
        "processor_seconds": round(time.process_time() - started, 2),
        "grinding_bits": plan.grinding,
        "soundness_bits": round(plan.soundness_bits, 2),
        "bits_with_work": round(plan.bits_with_work, 2),
    }


def main() -> None:
    """Prints one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--preset", default="cancercnn", choices=sorted(PRESETS))
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--smallest", action="store_true", help="preset tiny, 8 rows, 2 steps")
    options = parser.parse_args()
    case = ("tiny", 2, 8) if options.smallest else (options.preset, options.steps, options.rows)
    warm_up()
    print_result("hostile_claim", **measure(*case))


if __name__ == "__main__":
    main()
