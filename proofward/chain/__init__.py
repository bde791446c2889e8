"""The ledger's anchor on a chain: an optional second layer on which neither proofs nor the audit rest."""
