"""From a table to records: header, rows, what is wrong with them, what is implausible."""
