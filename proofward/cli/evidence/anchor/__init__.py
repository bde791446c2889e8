"""Commands on a ledger's anchor on a chain."""
