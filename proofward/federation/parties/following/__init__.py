"""What every member does: it follows the ledger, entry by entry or by heads, and keeps its keys."""
