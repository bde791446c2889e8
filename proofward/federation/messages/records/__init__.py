"""Everything that members say, as typed records, by subject."""
