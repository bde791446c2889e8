"""The public statement of a hospital's round."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofward.layers.aggregation import UPDATE_BITS
from proofward.layers.bounds import LIMIT, LayerBounds, compile_bounds
from proofward.layers.errors import ConfigurationError, WraparoundPossible
from proofward.layers.schedule import schedule
from proofward.layers.training import magnitude
from proofward.proof.counter import Counter, Plan
from proofward.proof.party import Party
from proofward.proof.soundness import choose_code
from proofward.relations.config import MESSAGE_BITS, OPENINGS, RoundConfig
from proofward.relations.statement import digest_of

Signed = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RoundStatement:
    """Consortium (32 byte digest of its rules), rules, round, hospital, its enrolled rows, the round's beacon
    (32 bytes), the root of its newest accepted
    dataset commitment, and the global weights, flat int64 (parameters,)."""

    consortium: bytes
    config: RoundConfig
    round: int
    hospital: str
    rows: int
    beacon: bytes
    dataset_root: bytes
    initial_weights: Signed

    def __post_init__(self) -> None:
        for name in ("consortium", "beacon", "dataset_root"):
            if len(getattr(self, name)) != 32:
                raise ConfigurationError(name, "32 bytes", f"{len(getattr(self, name))} bytes")
        if not 0 <= self.round < 1 << 32:
            raise ConfigurationError("round", "0 to 2^32 - 1", self.round)
        self.config.model.check_flat(self.initial_weights)
        self.check_bounds()

    def check_bounds(self) -> None:
        """No integer of the relation can wrap around P, whatever a prover commits to; raises
        WraparoundPossible.
        """
        config = self.config
        limit, largest = config.weight_limit(self.rows), magnitude(self.initial_weights)
        if largest > limit:
            raise ConfigurationError("initial_weights", f"at most {limit} in magnitude", largest)
        bounds = self.layer_bounds()
        weight = self.rows << UPDATE_BITS
        for layer in bounds:
            product = weight * max(layer.weight_update, layer.bias_update) + (1 << config.scales.weight_bits)
            if product >= LIMIT:
                raise WraparoundPossible(layer.name, "weighted update", product, LIMIT)
        norm = config.model.parameters << (2 * MESSAGE_BITS - 2)
        bound = config.norm_bounds(self.rows)[0] ** 2
        for quantity, largest in (("squared norm of the update", norm), ("squared bound of the norm", bound)):
            if largest >= LIMIT:
                raise WraparoundPossible("all layers", quantity, largest, LIMIT)

    def layer_bounds(self) -> tuple[LayerBounds, ...]:
        """Bounds of every layer's integers, whatever the admissible weights W_0 are."""
        config = self.config
        limit = config.weight_limit(self.rows)
        return compile_bounds(config.model, config.scales, config.training, self.rows, limit)

    def schedule(self) -> Signed:
        """Rows of every step, int64 (padded steps, batch)."""
        return schedule(self.beacon, self.hospital, self.rows, self.config.training)

    def transcript(self, ciphertext: npt.NDArray[np.uint64]) -> bytes:
        """The bytes that bind a proof to this statement and ciphertext."""
        return digest_of(
            "training round",
            self.consortium,
            self.config.digest(),
            self.round,
            self.hospital.encode(),
            self.rows,
            self.beacon,
            self.dataset_root,
            hashlib.sha256(self.initial_weights.astype("<i8").tobytes()).digest(),
            hashlib.sha256(ciphertext.astype("<u8").tobytes()).digest(),
        )

    def plan(self) -> Plan:
        """The measures of the proof, which depend on the rules and the number of rows only.

        Raises SoundnessBelowPolicy where the policy cannot be met.
        """
        key = (self.config.digest(), self.rows)
        if key not in _plans:
            if len(_plans) >= _MOST_PLANS:
                _plans.clear()
            _plans[key] = self._measure()
        return _plans[key]

    def _measure(self) -> Plan:
        from proofward.relations.training_round import training_round

        code = choose_code(self.config.committed_values(self.rows), self.config.security_bits, OPENINGS)
        empty = np.zeros(self.config.model.parameters, dtype=np.uint64)

        def script(party: Party) -> None:
            training_round(party, self, empty, None)

        plan = Counter(code).run(script)
        plan.soundness.require(self.config.security_bits)
        return plan


_MOST_PLANS = 64
_plans: dict[tuple[bytes, int], Plan] = {}
