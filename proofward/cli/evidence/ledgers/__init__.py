"""Commands on a ledger: audits, packs, reports, witnesses, timestamps, evidence of machines."""
