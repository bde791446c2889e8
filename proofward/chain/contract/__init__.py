"""The contract of an anchor, and all that has to agree with it to the bit.

`LedgerAnchor.vy` with its modules is the source, `LedgerAnchor.json` what the compiler made of it; a test
compiles it again and compares. Nothing here needs a package that only a chain needs.
"""
