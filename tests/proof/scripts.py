"""Any small script through prover and verifier."""

from __future__ import annotations

from collections.abc import Callable

from proofward.proof.commitment.ligero.code import CodeParameters
from proofward.proof.commitment.ligero.scheme import Ligero
from proofward.proof.counter import Counter
from proofward.proof.party import Party
from proofward.proof.prover import Prover
from proofward.proof.transcript import Transcript
from proofward.proof.verifier import Verifier
from tests.proof.toy import seeded

CODE = CodeParameters(log_k=6, log_n=10, queries=60, openings=1)


def prove_script(
    script: Callable[[Party], None], prover: type[Prover] = Prover, code: CodeParameters = CODE
) -> bytes:
    """A proof of the script's statement."""
    return prover(Transcript(b"script"), Counter(Ligero(code)).run(script), seeded(3)).run(script)


def verify_script(script: Callable[[Party], None], proof: bytes, code: CodeParameters = CODE) -> Verifier:
    """Raises ProofRejected unless the proof is accepted."""
    verifier = Verifier(Transcript(b"script"), Counter(Ligero(code)).run(script), proof)
    verifier.run(script, 20)
    return verifier


def accepts(script: Callable[[Party], None], prover: type[Prover] = Prover) -> Verifier:
    """Prove and verify."""
    return verify_script(script, prove_script(script, prover))
