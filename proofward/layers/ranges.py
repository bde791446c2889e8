"""Range checks by lookup: values that fit a table are looked up as they are, larger ones are committed as
limbs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from proofward.field.goldilocks import to_field
from proofward.proof.forms import Column
from proofward.proof.lookup import Linear, LookupArgument
from proofward.proof.party import Party
from proofward.proof.tables import Table

Signed = npt.NDArray[np.int64] | npt.NDArray[np.int32]


class RangeChecks:
    """The interval tables of one proof; a table's tag is the number of its bits, so other tables take tags
    from 64 on.
    """

    def __init__(self, party: Party, lookups: LookupArgument, table_bits: int) -> None:
        self.party = party
        self.lookups = lookups
        self.table_bits = table_bits
        self._tables: dict[int, Table] = {}

    def _table(self, bits: int) -> Table:
        if bits not in self._tables:
            self._tables[bits] = Table.interval(f"range of {bits} bits", bits, 0, bits)
        return self._tables[bits]

    def require(self, value: Linear, bits: int) -> None:
        """Every entry is in [0, 2^bits), bits <= table_bits."""
        if not 0 <= bits <= self.table_bits:
            raise ValueError(f"range of {bits} bits, tables have at most {self.table_bits}")
        self.lookups.query(self._table(bits), value)

    def declare(self, name: str, log_size: int, bits: int, values: Callable[[], Signed]) -> Linear:
        """Declare limbs of values in [0, 2^bits) and check them; returns the value as a combination of its
        limbs.
        """
        terms: list[tuple[int, Column]] = []
        for index, (shift, width) in enumerate(limbs(bits, self.table_bits)):

            def limb(shift: int = shift, width: int = width) -> npt.NDArray[np.uint64]:
                flat = values().reshape(-1)
                if shift + width == bits:
                    # the top limb keeps what is too large, so that a value out of range fails its lookup
                    return to_field((flat >> shift).astype(np.int64))
                return to_field(((flat >> shift) & ((1 << width) - 1)).astype(np.int64))

            column = self.party.declare(f"{name}, limb {index}", log_size, limb)
            self.require(Linear(((1, column),)), width)
            terms.append((1 << shift, column))
        return Linear(tuple(terms))


def limbs(bits: int, table_bits: int) -> list[tuple[int, int]]:
    """(shift, width) of the limbs of a value of `bits` bits, the lowest first; only the top one may be
    narrower.
    """
    return [(shift, min(table_bits, bits - shift)) for shift in range(0, bits, table_bits)]
