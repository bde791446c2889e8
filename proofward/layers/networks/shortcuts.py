"""Shortcuts: values that join the sums of a later layer, as they are or through a layer of their own.

The chain of a network has layers 0, 1, ..; V_i is what layer i of it reads: V_0 the record, V_(i+1) the
activation of the sums Z_i. A shortcut from V_j into Z_k, j <= k, adds
    Z_k = W_k V_k + 2^fa b_k + V_j                  V_j as it is, of the layout of Z_k, or
    Z_k = W_k V_k + 2^fa b_k + W_p V_j + 2^fa b_p   through a layer p, a projection, which is trained too.
So the gradient with respect to V_j is the sum of what all that reads V_j passes back, rounded once:
    V_back_j = W_j^T dZ_j + dZ_k                    or W_j^T dZ_j + W_p^T dZ_k.

The row of a record that has one (`record`) is a source too, only ever read through a linear layer p:
    Z_k = W_k V_k + 2^fa b_k + W_p x + 2^fa b_p = (W_k W_p) (V_k, x) + 2^fa (b_k + b_p),
which is a linear layer on V_k and the row x concatenated, with b_k + b_p for its bias.

All addends are integers of one scale. Values of scale fa join sums of scale fa + fw as 2^fw V_j, and
gradients of scale fd join back sums of scale fd + fw as 2^fw dZ_k. Beside means (`means`) scales are finer:
sums that join have the least common multiple of their scales, and every addend is multiplied by a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import lcm

from proofward.layers.affine_layers.affine import Affine
from proofward.layers.basics.divisor import Divisor
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.layout import Layout
from proofward.layers.basics.plain import exactly, integer
from proofward.layers.basics.record import ROW, ROW_WORD, source_word
from proofward.layers.rules.means import Finer

ADD = "add"  #: of a shortcut in plain form, among layers


@dataclass(frozen=True)
class Shortcut:
    """From V_source, or a ROW, into the sums of layer `into` of the chain; by: the layer between, if any."""

    source: int
    into: int
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Addends:
    """What makes up sums, or back sums: pairs (place, factor), each multiplied by its factor.

    layers: what layers make. direct: values for sums, and gradients of sums for back sums, as they are.
    """

    layers: tuple[tuple[int, int], ...]
    direct: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Joints:
    """Which layer reads which values and joins which sums.

    means: per V_i of how many values it is the mean, as `means` has them; layers: how many, projections last.
    """

    means: tuple[int, ...]
    layers: int
    shortcuts: tuple[Shortcut, ...]

    @property
    def depth(self) -> int:
        """Layers of the chain."""
        return len(self.means)

    def reads(self, layer: int) -> int:
        """The place of the values that a layer reads."""
        return layer if layer < self.depth else self._through(layer).source

    def joins(self, layer: int) -> int:
        """The place of the sums that a layer joins."""
        return layer if layer < self.depth else self._through(layer).into

    def mean(self, values: int) -> int:
        """Of how many values they are means; a row is of one."""
        return 1 if values == ROW else self.means[values]

    def _through(self, layer: int) -> Shortcut:
        return next(own for own in self.shortcuts if own.by == layer)

    @cached_property
    def finer(self) -> tuple[Finer, ...]:
        """Per layer, how much finer its scales are beside means."""
        above = (*self.means[1:], 1)
        return tuple(Finer(self.mean(self.reads(own)), above[self.joins(own)]) for own in range(self.layers))

    def joining(self, sums: int) -> tuple[int, ...]:
        """The layers that join sums, that of the chain first."""
        return self._joining[sums]

    def reading(self, values: int) -> tuple[int, ...]:
        """The layers that read values, that of the chain first where there is one."""
        return self._through_reading(values) if values == ROW else self._reading[values]

    @cached_property
    def _joining(self) -> tuple[tuple[int, ...], ...]:
        return tuple(
            (place, *(own.by for own in self.shortcuts if own.by is not None and own.into == place))
            for place in range(self.depth)
        )

    @cached_property
    def _reading(self) -> tuple[tuple[int, ...], ...]:
        return tuple((place, *self._through_reading(place)) for place in range(self.depth))

    def _through_reading(self, values: int) -> tuple[int, ...]:
        return tuple(own.by for own in self.shortcuts if own.by is not None and own.source == values)

    def finer_sums(self, sums: int) -> int:
        """How many times finer sums are: the least common multiple of all that joins them.

        Of values that join as they are the odd part counts, as 2^fw makes up for the rest (`least_bits`).
        """
        joining = [self.finer[own].sums for own in self.joining(sums)]
        return lcm(*joining, *(Divisor.of(self.mean(own.source)).odd for own in self._directly(into=sums)))

    def finer_back_sums(self, values: int) -> int:
        """How many times finer back sums are."""
        reading = [self.finer[own].back_sums for own in self.reading(values)]
        direct = self._directly(source=values)
        return lcm(*reading, *(Divisor.of(self.finer[own.into].gradients).odd for own in direct))

    def least_bits(self) -> int:
        """The least weight_bits for which values and gradients join as they are, times an integer."""
        pairs = [(self.mean(own.source), self.finer_sums(own.into)) for own in self._directly()]
        pairs += [
            (self.finer[own.into].gradients, self.finer_back_sums(own.source)) for own in self._directly()
        ]
        return max((Divisor.of(unit).bits - Divisor.of(whole).bits for unit, whole in pairs), default=0)

    def _directly(self, *, source: int | None = None, into: int | None = None) -> list[Shortcut]:
        """Shortcuts without a layer of their own, of this source or into these sums."""
        return [
            own
            for own in self.shortcuts
            if own.by is None and source in (None, own.source) and into in (None, own.into)
        ]

    def sums(self, place: int, weight_bits: int) -> Addends:
        """What makes up the sums of layer `place` of the chain; weight_bits is at least `least_bits`."""
        whole = self.finer_sums(place)
        layers = [(own, whole // self.finer[own].sums) for own in self.joining(place)]
        direct = [
            (own.source, (whole << weight_bits) // self.mean(own.source))
            for own in self._directly(into=place)
        ]
        return Addends(tuple(layers), tuple(direct))

    def back_sums(self, place: int, weight_bits: int) -> Addends:
        """What makes up the back sums of V_place."""
        whole = self.finer_back_sums(place)
        layers = [(own, whole // self.finer[own].back_sums) for own in self.reading(place)]
        direct = [
            (own.into, (whole << weight_bits) // self.finer[own.into].gradients)
            for own in self._directly(source=place)
        ]
        return Addends(tuple(layers), tuple(direct))


def check(
    shortcuts: Sequence[Shortcut], layers: Sequence[Affine], values: Mapping[int, Layout], depth: int
) -> None:
    """Raises ConfigurationError unless every shortcut fits; values: layouts of V_0, V_1, .. and of a row."""
    for before, after in pairwise(shortcuts):
        if before.into >= after.into:
            raise ConfigurationError("shortcuts", "at most one into each layer, in order", after)
    expected = [*range(depth, len(layers))]
    found = [own.by for own in shortcuts if own.by is not None]
    if found != expected:
        raise ConfigurationError("layers of shortcuts", f"the layers {expected}, in order", found)
    for own in shortcuts:
        integer("layer that a shortcut joins (below the last)", own.into, 0, depth - 2)
        if own.source != ROW or ROW not in values:
            integer(f"source of a shortcut into layer {own.into + 1}", own.source, 0, own.into)
        joined, takes = layers[own.into], values[own.source]
        what = f"values that join the sums of {joined.words}"
        if own.by is None:
            if own.source == ROW:
                raise ConfigurationError("row of a record", "a layer between, by linear", "none")
            if takes != joined.gives:
                raise ConfigurationError(what, joined.gives.words, takes.words)
            continue
        through = layers[own.by]
        if through.takes != takes:
            raise ConfigurationError(f"inputs of {through.words}", takes.words, through.takes.words)
        if through.gives != joined.gives or through.window != joined.window:
            raise ConfigurationError(what, joined.gives.words, through.gives.words)
    if ROW in values and ROW not in [own.source for own in shortcuts]:
        raise ConfigurationError("row of a record", "a layer that it joins, `add row by linear ..`", "none")


@dataclass(frozen=True)
class PlainShortcut:
    """A shortcut in plain form: {"kind": "add", "from": i}, or from "row", and "by" a layer in plain form."""

    source: int
    by: Mapping[str, object] | None

    @classmethod
    def read(cls, plain: Mapping[str, object]) -> PlainShortcut:
        """Raises ConfigurationError on anything else."""
        names = ("kind", "from", "by") if "by" in plain else ("kind", "from")
        values = exactly("shortcut", plain, names)
        source, by = values["from"], values.get("by")
        if source == ROW_WORD:
            source = ROW
        elif type(source) is not int or source == ROW:
            raise ConfigurationError("from", "the number of a layer, 0 for the record", source)
        if "by" in plain and not isinstance(by, Mapping):
            raise ConfigurationError("by", "a layer in plain form", type(by).__name__)
        return cls(source, by if isinstance(by, Mapping) else None)


def plain_of(shortcuts: Sequence[Shortcut], layers: Sequence[Affine]) -> Mapping[int, dict[str, object]]:
    """By the layer that each joins, the shortcuts in plain form."""
    return {
        own.into: {
            "kind": ADD,
            "from": source_word(own.source),
            **({} if own.by is None else {"by": layers[own.by].to_plain()}),
        }
        for own in shortcuts
    }


def joined(
    found: Mapping[int, PlainShortcut], made: Sequence[Affine], values: Mapping[int, Layout],
    kinds: Mapping[str, type[Affine]],
) -> tuple[tuple[Affine, ...], tuple[Shortcut, ...]]:  # fmt: skip
    """All layers of a chain with these shortcuts by the layers that they join, and the shortcuts."""
    layers, shortcuts = list(made), []
    for into, own in sorted(found.items()):
        if own.source not in values or not (own.source <= into or own.source == ROW):
            words = f"the number of a layer up to {into}, 0 for the record"
            if own.source == ROW:
                words = "of records with a row beside what the first layer reads"
            raise ConfigurationError("from", words, source_word(own.source))
        if own.by is None:
            shortcuts.append(Shortcut(own.source, into))
            continue
        kind = own.by.get("kind")
        if not isinstance(kind, str) or kind not in kinds:
            raise ConfigurationError("kind of a layer", f"one of {sorted(kinds)}", kind)
        through = kinds[kind].from_plain(values[own.source], own.by)
        if made[into].window != 1:
            through = through.for_windows(made[into].window)
        shortcuts.append(Shortcut(own.source, into, len(layers)))
        layers.append(through)
    return tuple(layers), tuple(shortcuts)
