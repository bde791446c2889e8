"""A layer as a line of words, as people write it: `conv2d 8 kernel 3 stride 2 padding 1`.

The first word is the layer's kind, a number behind it is its first value, and what follows are names and
values in any order. What a line leaves out has its usual value, if it has one. A shortcut into the sums of
the layer before it is `add 1`, of the values behind the first layer, 0 being the record; with a layer
between it is `add 1 by conv2d 16 kernel 1 stride 2`. `linear 32`, `add row by linear 32` is a layer of 32 on
what is below it and the record's row, concatenated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields

from proofward.layers.activations.activation import Activation
from proofward.layers.affine_layers.affine import Affine
from proofward.layers.basics.errors import ConfigurationError
from proofward.layers.basics.record import ROW_WORD
from proofward.layers.networks.network import Network, chain
from proofward.layers.networks.registry import ACTIVATIONS, AFFINE
from proofward.layers.networks.shortcuts import ADD

KINDS: dict[str, type[Affine] | type[Activation]] = {**AFFINE, **ACTIVATIONS}

_GIVEN = ("inputs", "takes", "window")
"""What a layer has from those around it."""
_LONGEST = 200


def plain_layer(line: str) -> dict[str, object]:
    """The layer in plain form, for `chain`; raises ConfigurationError."""
    kind, *words = line.split() or [""]
    if kind == ADD and len(line) <= _LONGEST:
        return _plain_shortcut(line, words)
    if len(line) > _LONGEST or kind not in KINDS:
        expected = " or ".join(f"`{usage(known)}`" for known in [*sorted(KINDS), ADD])
        raise ConfigurationError("a layer", expected, line[:_LONGEST])
    usual = _values(KINDS[kind])
    if words and usual and words[0].isdecimal():
        words.insert(0, next(iter(usual)))
    given = dict(zip(words[::2], words[1::2], strict=False))
    known = all(name in usual and value.isdecimal() and len(value) < 10 for name, value in given.items())
    if 2 * len(given) != len(words) or not known:
        raise ConfigurationError("a layer", f"`{usage(kind)}`", line)
    values = {**usual, **{name: int(value) for name, value in given.items()}}
    if missing := [name for name, value in values.items() if value is None]:
        raise ConfigurationError("a layer", f"`{usage(kind)}`", f"{line}, without {' and '.join(missing)}")
    return {"kind": kind, **{name: value for name, value in values.items() if not _unsaid(kind, name, value)}}


def _plain_shortcut(line: str, words: Sequence[str]) -> dict[str, object]:
    source, *rest = words or [""]
    known = source == ROW_WORD or (source.isdecimal() and len(source) < 10)
    if not known or (rest and (rest[0] != "by" or len(rest) < 2)):
        raise ConfigurationError("a layer", f"`{usage(ADD)}`", line)
    by = plain_layer(" ".join(rest[1:])) if rest else None
    if by is not None and by["kind"] not in AFFINE:
        raise ConfigurationError("a layer", f"`{usage(ADD)}`", line)
    place = source if source == ROW_WORD else int(source)
    return {"kind": ADD, "from": place, **({} if by is None else {"by": by})}


def line_of(plain: Mapping[str, object]) -> str:
    """Inverse of `plain_layer`: every value of the plain form, the first without its name."""
    kind, by = str(plain["kind"]), plain.get("by")
    if kind == ADD:
        return f"{ADD} {plain['from']}" + (f" by {line_of(by)}" if isinstance(by, Mapping) else "")
    names = list(_values(KINDS[kind]))
    first = [str(plain[name]) for name in names[:1] if name in plain]
    return " ".join([kind, *first, *(f"{name} {plain[name]}" for name in names[1:] if name in plain)])


def _unsaid(kind: str, name: str, value: object) -> bool:
    """Whether the plain form leaves this value out."""
    return KINDS[kind].unsaid.get(name) == value


def usage(kind: str) -> str:
    """How a layer of this kind is written."""
    if kind == ADD:
        return f"{ADD} LAYER|{ROW_WORD} [by {' or '.join(sorted(AFFINE))} ..]"
    words = [kind]
    for at, (name, value) in enumerate(_values(KINDS[kind]).items()):
        pair = name.upper() if at == 0 else f"{name} {name[0].upper()}"
        words.append(pair if value is None else f"[{pair}]")
    return " ".join(words)


def network_of(axes: Sequence[int], lines: Sequence[str], classes: int = 2, row: int = 0) -> Network:
    """The network of these layers on records of these axes; raises ConfigurationError with the line.

    row: the length of the row that every record has beside them. No line names the last layer, which has an
    output for each class.
    """
    plain, last = [plain_layer(line) for line in lines], {"kind": "linear", "outputs": classes}
    for count, line in enumerate(lines, 1):
        try:
            reads = any(layer.get("from") == ROW_WORD for layer in plain[:count])
            chain(axes, [*plain[:count], last], row if reads else 0)
        except ConfigurationError as error:
            field = f"model.layers, layer {count} ({line}): {error.field}"
            raise ConfigurationError(field, error.expected, error.actual) from error
    return chain(axes, [*plain, last], row)


def lines_of(network: Network) -> list[str]:
    """Inverse of `network_of`; the activations that are implied are left out."""
    return [line_of(plain) for plain in network.plain_layers[:-1]]


def _values(kind: type[Affine] | type[Activation]) -> dict[str, object]:
    """Names of a layer's own values, and their usual ones; None for one that has to be given."""
    return {
        entry.name: None if entry.default is MISSING else entry.default
        for entry in fields(kind)  # type: ignore[arg-type]  # every layer is a dataclass
        if entry.name not in _GIVEN
    }
