"""Dishonest verifiers. Their verdicts are signed, and whoever verifies the same proof again sees the lie."""

from __future__ import annotations

from dataclasses import replace

from proofward.federation.history.state.round_state import Finding, Recorded
from proofward.federation.messages.records.catalogue import Fingerprints, Upload, Verdict
from proofward.federation.parties.verifier import Verifier
from proofward.proof.errors import ProofRejected


class AcceptsRefused(Verifier):
    """Signs "accepted" for an upload whose proof it has refused; a hospital sends it one."""

    def verdict(self, hospital: str, said: Recorded[Upload], outcome: Finding | ProofRejected) -> Verdict:
        """Makes up a finding."""
        if isinstance(outcome, ProofRejected):
            outcome = Finding(said.digest, said.digest)
        return super().verdict(hospital, said, outcome)


class RefusesHonest(Verifier):
    """Signs "refused" for the upload of an honest hospital."""

    def verdict(self, hospital: str, said: Recorded[Upload], outcome: Finding | ProofRejected) -> Verdict:
        """Makes up a reason, for the first hospital."""
        if hospital == self.rules.hospitals[0]:
            outcome = ProofRejected("transcript", "expected another challenge")
        return super().verdict(hospital, said, outcome)


class SignsFalseFingerprint(Verifier):
    """Signs another fingerprint of the first ciphertext than it has."""

    def fingerprints(self, hospitals: tuple[str, ...], again: bool = False) -> Fingerprints:
        """Changes one bit of the first value, whoever's it is."""
        said = super().fingerprints(hospitals, again)
        first = bytes([said.values[0][0] ^ 1]) + said.values[0][1:]
        return replace(said, values=(first, *said.values[1:]))
