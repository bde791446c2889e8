"""What a report is made of: the audit, what entries say, what lies beside the ledger."""
