"""The row beside an image may have kinds, too: what a patient's row gives is what a table of its own would give."""

from __future__ import annotations

import numpy as np

from proofward.data.columns.column_kinds import Category, Number
from proofward.data.columns.feature import Feature
from proofward.data.columns.row_schema import RowSchema
from proofward.data.images.contract.identity import patient_digest
from proofward.data.reading.joined_rows import RowFile, join
from proofward.data.tables.table_file import TableFile
from proofward.layers.rules.model import FixedPoint
from tests.data.own_formats import write

COLUMNS = (Number(Feature("age", 50.0, 10.0), 0, 120, 50, True), Category("stain", ("HE", "IHC")))


def test_rows_of_kinds(tmp_path):
    agreed = RowSchema.of("patient", COLUMNS, (), ".", 20)
    assert RowSchema.from_plain(agreed.to_plain()) == agreed and agreed.size == len(agreed.inputs) == 4
    path = write(tmp_path / "rows.parquet", {"patient": ["a", "b"], "age": [60, None], "stain": ["IHC", "HE"]})
    patients = [patient_digest(b"salt", name) for name in (b"b", b"a", b"b")]
    found = join(RowFile(TableFile(path)), agreed, FixedPoint(), patients, b"salt")
    assert np.array_equal(found.rows, [[0, 64, 64, 0], [64, 0, 0, 64], [0, 64, 64, 0]])
