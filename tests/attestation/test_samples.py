"""Real evidence, public samples: read where they lie beside the project, the tests skipped elsewhere."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from proofward.attestation.claims import GPU, SNP, TDX, Item
from proofward.attestation.errors import EvidenceRefused
from proofward.attestation.kinds import verify_item
from proofward.attestation.policy import Policy, vendor_roots
from proofward.attestation.roots import VENDORS
from tests.real_data import real_data

NOW = 1_752_000_000
"""2025-07-08, when the collateral of the samples was valid."""
AUGUST = 1_754_000_000
PACKAGE = "nv-local-gpu-verifier 2.7.3 of PyPI, package verifier, folder samples"


def tdx(name: str) -> Item:
    quote, collateral = (real_data(f"attestation/{name}{end}") for end in ("", "_collateral.json"))
    return Item(TDX, quote.read_bytes(), collateral.read_bytes())


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def snp() -> Item:
    """The chip's certificate has the serial number 0, which the library warns of."""
    chip = x509.load_der_x509_certificate(real_data("attestation/snp_vcek.der").read_bytes())
    chain = real_data("attestation/snp_milan_chain.pem").read_bytes()
    return Item(
        SNP, real_data("attestation/snp_report.bin").read_bytes(), chip.public_bytes(Encoding.PEM) + chain
    )


def gpu() -> Item:
    """From the folder of samples, else from the vendor's package where it is installed."""
    name, chain = "hopperAttestationReport.txt", "hopperCertChain.txt"
    spec = importlib.util.find_spec("verifier")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "samples"
        paths = folder / name, folder / chain
    else:
        paths = real_data(f"attestation/{name}"), real_data(f"attestation/{chain}")
    return Item(GPU, bytes.fromhex(paths[0].read_text().strip()), paths[1].read_bytes())


def refused(item: Item, time: int = NOW) -> str:
    with pytest.raises(EvidenceRefused) as caught:
        verify_item(item, time, VENDORS[item.kind])
    return caught.value.check


def test_a_real_quote_of_intel_holds_at_its_time_and_not_later():
    item = tdx("tdx_quote")
    claims = verify_item(item, NOW, VENDORS[TDX])
    assert (claims.status, claims.open_to) == ("UpToDate", ())
    assert claims.measurements["mrtd"].hex().startswith("91eb2b44d141d4ec")
    assert refused(item, AUGUST) == "evidence-time"


def test_quotes_that_are_outdated_or_of_another_kind_are_refused():
    assert refused(tdx("tdx_quote_outdated"), 1_759_000_000).startswith("evidence-")
    assert refused(tdx("sgx_quote")) == "evidence-kind"
    own = tdx("tdx_quote")
    for name in ("quote_v5_sample.dat", "tdx_prod_quote_SPR_E4.dat", "cos-113-tdx-quote.dat"):
        quote = real_data(f"attestation/{name}").read_bytes()
        assert refused(replace(own, evidence=quote)).startswith("evidence-")


def test_a_real_report_of_amd_holds_and_its_machine_can_be_debugged():
    claims = verify_item(snp(), NOW, VENDORS[SNP])
    assert claims.open_to == ("debug",) and claims.measurements["launch"].hex().startswith("b07af9620f3b839b")
    rules = Policy("recorded", (SNP,), roots=vendor_roots((SNP,)))
    with pytest.raises(EvidenceRefused) as caught:
        rules.check(claims)
    assert caught.value.check == "evidence-debug"


def test_a_real_report_of_nvidia_holds():
    claims = verify_item(gpu(), NOW, VENDORS[GPU])
    assert claims.device["driver"] == "550.90.07" and claims.bound.hex().startswith("931d8dd0add203ac")


@pytest.mark.parametrize("sample", [lambda: tdx("tdx_quote"), snp, gpu], ids=["tdx", "snp", "nvidia"])
def test_altered_bytes_of_real_evidence_are_refused_by_name(sample):
    item = sample()
    size, names = len(item.evidence), set()
    for place in range(0, size, size // 40):
        data = bytearray(item.evidence)
        data[place] ^= 1
        names.add(refused(replace(item, evidence=bytes(data))))
    assert names >= {"evidence-format", "evidence-signature"}
