"""The vendors' root certificates, by SHA-256 fingerprint: what all evidence has to lead to.

Rules name the roots that count in their federation, these unless the consortium wants others, such as the
root of a test. A root that is not listed here shows in the words about the rules.
"""

from __future__ import annotations

from proofward.attestation.claims import GPU, SNP, TDX

INTEL = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
"""Intel SGX Root CA, which signs for TDX too."""
AMD_MILAN = "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd"
AMD_GENOA = "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1"
"""ARK-Milan and ARK-Genoa, of the third and fourth generation of EPYC."""
NVIDIA = "102bf659d5419614c9d8e6aecebc80454eb26b1df6a769ac720b9a690b167b48"
"""NVIDIA Device Identity CA."""

VENDORS: dict[str, tuple[bytes, ...]] = {
    TDX: (bytes.fromhex(INTEL),),
    SNP: (bytes.fromhex(AMD_GENOA), bytes.fromhex(AMD_MILAN)),
    GPU: (bytes.fromhex(NVIDIA),),
}
"""By kind, ascending."""
