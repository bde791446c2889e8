"""The anchor by its ledger, the encoding of calls, errors, and the extra's libraries."""
