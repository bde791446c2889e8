"""The public numbers of one hospital's update: its weight, its bounds, and how finely it is clipped.

All follow from the rules, the number n of rows that the hospital trains on (all but its validation part),
and the round's weight shift e, one for all hospitals of a round. With o 2^fw the scale of an update's entries
(that of a weight, or a multiple beside means; o is odd, and 1 unless a mean is of another number of values
than a power of two), C the clip bound, D_max and ||D||_max the public bounds on an entry and on the norm of D
(from `layers.networks.bounds`, with the ranges that the relation itself enforces):
    M     = max(1, u(n) >> e)                           weight, u(n) by `averaging.weighting`, usually n 2^10
    B     = floor(M C / 2^10)                           bound on ||U||, hence on every |U_j|
    m     = bits of B, and one more                     U_j in [-2^(m-1), 2^(m-1)), 2^(m-1) > B
    B_low = B - floor(sqrt(p)) - 1 - ceil(||D||_max / (o 2^s))    p parameters
    f     = the least number >= 0 with B_low >= 15/16 B
    d     = the least number >= 0 for which no product below wraps around; 0 wherever bounds are moderate
    D     = floor((Delta + 2^(d-1)) / 2^d) for d > 0, Delta for d = 0
    s     = fw + f - d
    U     = floor((mu D + o 2^(s-1)) / (o 2^s)),  0 <= mu <= M 2^f

Every Delta has a proof. With the mu of `layers.averaging.clipping` either mu = M 2^f and ||U|| <= B, or U at
mu + 1 is longer than B; one step changes ||U|| by at most ||D|| / (o 2^s) + sqrt(p), so ||U|| >= B_low. No
hospital shrinks its share: below mu = M 2^f its norm must be at least 15/16 of the bound.

Sums over many positions, as those of a convolution over many steps, have bounds far beyond what they ever
reach, and the product with mu would not fit. Then the d lowest bits of Delta are rounded off first, to
multiples of 2^(d - fw), d <= fw - 12. The limbs of D have b bits, 2^(b-1) > D_max.

No integer wraps around P. Checked for every rule:
    M 2^f D_max + o 2^(s-1) < 2^62,   o 2^s (2^(m-1) + 1) < 2^62,   B < 2^31,   M 2^f < 2^61,   2^(d+b) < 2^62
and for N = ||U||^2 one of two. Either p 2^(2(m-1)) < 2^62, so that no U in its range can wrap. Or the norm is
looked at twice, h being the least multiple of the table's bits for which p 2^(2(m-1-h)) < 2^62: the norm of
the coarse update
    V = floor(U / 2^h),   ||V|| <= K = floor(B / 2^h) + 2 + floor(sqrt(p))
cannot wrap, and it bounds that of the fine one:
    ||U|| <= 2^h (||V|| + sqrt(p)) <= 2^h (K + floor(sqrt(p)) + 1) < 2^31.
Then N < 2^62 for whatever is committed to, so N is right modulo P. An honest update passes: V = U / 2^h - v
with 0 <= v < 1, so ||V|| <= B / 2^h + sqrt(p) <= K.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt

from proofward.lattice.parameters import LARGEST_BOUND
from proofward.layers.averaging.aggregation import quantise_update
from proofward.layers.averaging.clipping import clipped_multiplier
from proofward.layers.averaging.weighting import BY_RECORDS, WEIGHT_BITS, Weighting
from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import ConfigurationError, WraparoundPossible
from proofward.layers.networks.bounds import LIMIT, compile_bounds
from proofward.layers.networks.network import Network
from proofward.layers.rules.model import FixedPoint, Int64Array, Training

LARGEST_SHIFT = 40
_MOST_FINER_BITS = 40
_LEAST_LEADING_BITS = 12  # of a weight's fw bits, where the lowest are rounded off


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """The numbers of one hospital in one round.

    weight M, finer bits f, shift s, odd o, bound B, low B_low, message bits m; coarse_bits h and
    coarse_bound K are 0 where the norm needs no second look; dropped_bits d and leading_bits b are 0 where D
    is Delta.
    """

    weight: int
    finer_bits: int
    shift: int
    odd: int
    bound: int
    low: int
    message_bits: int
    coarse_bits: int
    coarse_bound: int
    dropped_bits: int
    leading_bits: int

    @property
    def full(self) -> int:
        """M 2^f, the multiplier of an update that is not clipped."""
        return self.weight << self.finer_bits

    @property
    def divisor(self) -> Divisor:
        """o 2^s, by which the weighted update is rounded."""
        return Divisor(self.shift, self.odd)

    def leading(self, delta: Int64Array) -> Int64Array:
        """D of an update Delta, flat int64."""
        return Divisor(self.dropped_bits).rounded(delta) if self.dropped_bits else delta

    def quantise(self, delta: Int64Array, multiplier: int) -> Int64Array:
        """U of an update Delta under a multiplier, flat int64."""
        return quantise_update(self.leading(delta), multiplier, self.shift, self.odd)

    def submit(self, delta: Int64Array) -> tuple[int, Int64Array]:
        """(mu, U) of an update Delta, flat int64."""
        leading = self.leading(delta)
        multiplier = clipped_multiplier(
            leading, full=self.full, shift=self.shift, bound=self.bound, odd=self.odd
        )
        return multiplier, quantise_update(leading, multiplier, self.shift, self.odd)


@dataclass(frozen=True, slots=True)
class DeltaBounds:
    """Public bounds on Delta, or on D: of an entry, and of the norm."""

    largest: int
    norm: int

    def rounded_off(self, bits: int, root: int) -> DeltaBounds:
        """Those of D: rounding moves an entry by at most 1/2, and a vector by at most sqrt(p) / 2."""
        if bits == 0:
            return self
        return DeltaBounds((self.largest >> bits) + 1, (self.norm >> bits) + 1 + root)


@lru_cache(maxsize=256)
def delta_bounds(model: Network, scales: FixedPoint, training: Training, rows: int) -> DeltaBounds:
    """The bounds for a hospital of `rows` rows; they do not depend on the weights."""
    bounds = compile_bounds(model, scales, training, rows, 0)
    largest = squared = 0
    for own, layer, unit in zip(bounds, model.layers, model.update_units, strict=True):
        weight, bias = own.weight_change * unit, own.bias_change * unit
        largest = max(largest, weight, bias)
        squared += layer.weights.size * weight**2 + layer.biases.size * bias**2
    return DeltaBounds(largest, isqrt(squared) + 1)


@lru_cache(maxsize=256)
def update_rule(
    *,
    model: Network,
    scales: FixedPoint,
    training: Training,
    clip_bound: int,
    rows: int,
    weight_shift: int,
    weighting: Weighting = BY_RECORDS,
) -> UpdateRule:
    """The numbers for a hospital of `rows` rows under a weight shift.

    Raises WraparoundPossible where an integer could reach 2^62: a larger weight shift helps. Raises
    ConfigurationError where B is too small beside the rounding of U: more rows, a larger clip bound or a
    smaller shift help.
    """
    weight = weighting.weight(training.trained_rows(rows), weight_shift)
    bound = (weight * clip_bound) >> WEIGHT_BITS
    delta, root = delta_bounds(model, scales, training, rows), isqrt(model.parameters) + 1
    _require_below("bound on the norm of the update", bound, LARGEST_BOUND)
    finest = Divisor.of(model.finest)
    finest.check("updates", scales.table_bits)
    bits, odd = scales.weight_bits + finest.bits, finest.odd
    dropped, most_dropped = 0, max(0, bits - _LEAST_LEADING_BITS)
    while True:
        leading = delta.rounded_off(dropped, root)
        finer, low = _finer_bits(odd << (bits - dropped), bound, root, leading)
        shift, message_bits = bits + finer - dropped, bound.bit_length() + 1
        product = (weight << finer) * leading.largest + (odd << (shift - 1))
        if product < LIMIT or dropped == most_dropped:
            break
        dropped += 1
    _require_below("multiplier of the update", weight << finer, LIMIT >> 1)
    _require_below("weighted update", product, LIMIT)
    _require_below("rounded update", ((1 << (message_bits - 1)) + 1) * odd << shift, LIMIT)
    leading_bits = leading.largest.bit_length() + 1 if dropped else 0
    _require_below("leading bits of the update", 1 << (dropped + leading_bits), LIMIT)
    coarse_bits = coarse_bound = 0
    while model.parameters << (2 * (message_bits - 1 - coarse_bits)) >= LIMIT:
        coarse_bits += scales.table_bits
        if coarse_bits >= message_bits:
            raise WraparoundPossible("all layers", "squared norm of the update", model.parameters, LIMIT)
    if coarse_bits:
        coarse_bound = (bound >> coarse_bits) + 1 + root
        reach = (coarse_bound + root) << coarse_bits
        _require_below("norm of the update", reach, LARGEST_BOUND)
    return UpdateRule(
        weight=weight,
        finer_bits=finer,
        shift=shift,
        odd=odd,
        bound=bound,
        low=low,
        message_bits=message_bits,
        coarse_bits=coarse_bits,
        coarse_bound=coarse_bound,
        dropped_bits=dropped,
        leading_bits=leading_bits,
    )


@lru_cache(maxsize=1024)
def least_shift(
    model: Network,
    scales: FixedPoint,
    training: Training,
    clip_bound: int,
    most_rows: int,
    weighting: Weighting,
) -> int:
    """See `RoundConfig.weight_shift`: every party asks for the same few numbers of rows again and again."""

    def rule_under(shift: int) -> UpdateRule:
        return update_rule(
            model=model,
            scales=scales,
            training=training,
            clip_bound=clip_bound,
            rows=most_rows,
            weight_shift=shift,
            weighting=weighting,
        )

    for shift in range(LARGEST_SHIFT):
        try:
            rule_under(shift)
        except WraparoundPossible:
            continue
        return shift
    rule_under(LARGEST_SHIFT)
    return LARGEST_SHIFT


def _require_below(quantity: str, value: int, limit: int) -> None:
    if value >= limit:
        raise WraparoundPossible("all layers", quantity, value, limit)


def _finer_bits(scale: int, bound: int, root: int, leading: DeltaBounds) -> tuple[int, int]:
    """(f, B_low) for D at a scale; `root` is at least the square root of the number of parameters."""
    allowed = bound - root - -(-15 * bound // 16)
    for finer in range(_MOST_FINER_BITS):
        step = -(-leading.norm // (scale << finer))
        if step <= allowed:
            return finer, bound - root - step
    raise ConfigurationError("clip_bound", f"B = weight * clip_bound / 2^10 above {16 * root}", bound)
