"""The digest of images or of columns in a federation's title, by which its terms bind every site."""

from __future__ import annotations

import re

from proofward.data.columns.schema import TITLE_MARK, FeaturesInvalid, Schema
from proofward.data.image_schema import IMAGES_MARK, ImageSchema

_BOUND = re.compile(r"[0-9a-f]{64}")


def check_title(schema: Schema | ImageSchema, title: str) -> None:
    """Raises FeaturesInvalid unless a federation's title names these images or columns, or none."""
    expected, plain = "columns of a table", "columns of a table"
    for mark, what in ((IMAGES_MARK, "images"), (TITLE_MARK, "columns")):
        said = title.rpartition(mark)[2] if mark in title else ""
        if _BOUND.fullmatch(said):
            expected = f"{what} {said}"
    if isinstance(schema, ImageSchema):
        found = f"images {schema.digest.hex()}"
    else:
        found = f"columns {schema.digest.hex()}" if schema.extended else plain
    if found != expected:
        raise FeaturesInvalid(f"expected {expected}, which the terms name, found {found}")
