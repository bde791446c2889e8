"""The report of a federation that people file: what the ledger shows, as one HTML file, PDF or JSON."""
