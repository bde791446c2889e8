"""A proof system for tests of the state machines.

The training, the encryption and the shares are real; a hash stands in the place of the proof.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from proofward.encoding import decode_item, encode_item
from proofward.engines.run_folder import Plan
from proofward.federation.history.proving.proof_jobs import ProvedRound
from proofward.federation.history.proving.proofs import OneByOne
from proofward.federation.history.state.round_state import Finding
from proofward.federation.messages.basics.values import words_from_bytes, words_to_bytes
from proofward.federation.messages.consortium.usual import usual_updates
from proofward.lattice.encryption import encrypt
from proofward.lattice.parameters import MODULUS, RING_DEGREE, ciphertext_length
from proofward.lattice.sampler import MaskContext, uniform_words
from proofward.lattice.shamir import share
from proofward.layers.networks.network import mlp
from proofward.layers.rules.model import FixedPoint, Training
from proofward.proof.errors import ProofRejected
from proofward.relations.proofs.prove import worked_out
from proofward.relations.rules.config import RoundConfig
from proofward.relations.uploads.noise_seed import drawn_noise

MODEL = mlp((4, 4, 2))
SCALES = FixedPoint()
BLIND = 16


def plan(hospitals: int = 5, verifiers: int = 3, rounds: int = 2, threshold: int = 2, bits: int = 40) -> Plan:
    """A small consortium."""
    training = Training(1, 4, 1)
    config = RoundConfig(MODEL, SCALES, training, 1 << 16, hospitals, threshold, bits, bits < 80)
    return Plan(
        federation="test federation",
        hospitals=[f"hospital-{index}" for index in range(hospitals)],
        verifiers=[f"verifier-{index}" for index in range(verifiers)],
        accepting_verdicts=verifiers // 2 + 1,
        minimum_updates=usual_updates(hospitals, threshold),
        rounds=rounds,
        config=config,
    )


def datasets(plan: Plan, rows: int = 8) -> dict:
    """Random labelled records for every hospital, a different number each."""
    rng = np.random.default_rng(7)
    result = {}
    for index, name in enumerate(plan.hospitals):
        count = rows + index
        result[name] = (
            rng.integers(-64, 64, (count, 4), dtype=np.int64),
            rng.integers(0, 2, count, dtype=np.int64),
        )
    return result


def _tag(transcript: bytes, *parts: bytes) -> bytes:
    return hashlib.sha256(b"".join((transcript, *parts))).digest()


class FakeProofs(OneByOne):
    """See proofward.federation.history.proving.proofs.Proofs."""

    def prove_enrolment(self, statement, features, labels, rng):
        root = hashlib.sha256(features.tobytes() + labels.tobytes() + rng(16)).digest()
        proof = root + _tag(statement.transcript(), root)
        return proof, root, self._secret(features, labels, 3)

    def verify_enrolment(self, statement, proof):
        root = proof[:32]
        if proof != root + _tag(statement.transcript(), root):
            raise ProofRejected("transcript", "expected another tag")
        return root

    def noise_root(self, config, rows, seed, counting=None):
        return hashlib.sha256(b"noise" + seed).digest()

    def prove_round(self, statement, secret, rng, progress, seal, noise_seed=b""):
        progress("train")
        rows, width, features, labels, left = decode_item(secret)
        features = np.frombuffer(features, dtype=np.int64).reshape(rows, width)
        labels = np.frombuffer(labels, dtype=np.int64)
        _, _, submitted = worked_out(statement, features, labels)
        spent = self._secret(features, labels, left - 1)
        fresh = self._secret(features, labels, 3)
        config = statement.config
        if config.privacy is not None:
            assert self.noise_root(config, statement.rows, noise_seed) == statement.noise_root
            words = uniform_words(hashlib.shake_256(noise_seed).digest, 2 * config.model.parameters).reshape(2, -1)
            submitted = submitted + drawn_noise(config.privacy, words, statement.public_words())
        return self._proved(statement, submitted, statement.message_bound, 16, rng, seal, fresh, spent)

    def prove_counts(self, statement, counts, rng, progress, seal, noise_seed=b""):
        bound, levels = statement.counting.message_bound, statement.counting.levels
        if levels is not None:
            assert self.noise_root(statement.config, statement.rows, noise_seed) == statement.noise_root
            words = uniform_words(hashlib.shake_256(noise_seed).digest, counts.size).reshape(1, -1)
            counts = counts + levels.drawn(words, statement.public_words())
        made = self._proved(statement, counts, bound, 0, rng, seal, b"", b"")
        return replace(made, root=b"")

    @staticmethod
    def _proved(statement, numbers, bound, salted, rng, seal, fresh, spent):
        """`salted`: bytes in the next root, 0 where it stays. They are drawn last, as in a real proof."""
        config = statement.config
        made = encrypt(MaskContext(statement.beacon, statement.round), numbers, bound, rng)
        coefficients = uniform_words(rng, config.threshold * RING_DEGREE).reshape(
            config.threshold, RING_DEGREE
        )
        key = made.secret.astype(np.int64)
        lifted = np.where(key < 0, MODULUS - 1, key.astype(object)).astype(np.uint64)
        rows_of = share(lifted, coefficients, config.holders)
        shares = tuple(
            index.to_bytes(4, "little") + rng(BLIND) + words_to_bytes(row)
            for index, row in enumerate(rows_of)
        )
        binding = b"".join(hashlib.sha256(item).digest() for item in shares)
        root = statement.dataset_root
        if salted:
            root = hashlib.sha256(root + rng(salted)).digest()
        sealed = seal(shares)
        proof = root + _tag(statement.transcript(made.ciphertext), root, binding, *sealed) + binding
        return ProvedRound(words_to_bytes(made.ciphertext), sealed, proof, shares, root, fresh, spent)

    def verify_round(self, statement, sealed_shares, ciphertext, proof):
        words = words_from_bytes(ciphertext, ciphertext_length(statement.entries))
        if words is None:
            raise ProofRejected("ciphertext", "expected canonical field elements")
        root, tag, binding = proof[:32], proof[32:64], proof[64:]
        if tag != _tag(statement.transcript(words), root, binding, *sealed_shares):
            raise ProofRejected("transcript", "expected another tag")
        return Finding(root, binding)

    def records_of(self, secret):
        rows, width, features, labels, _ = decode_item(secret)
        features = np.frombuffer(features, dtype=np.int64).reshape(rows, width)
        return features, np.frombuffer(labels, dtype=np.int64)

    def share_is_bound(self, binding, share, holder):
        return hashlib.sha256(share).digest() == binding[32 * holder : 32 * holder + 32]

    def share_values(self, share):
        values = words_from_bytes(share[4 + BLIND :], RING_DEGREE)
        assert values is not None
        return values

    @staticmethod
    def _secret(features, labels, left):
        return encode_item([*features.shape, features.tobytes(), labels.tobytes(), left])
