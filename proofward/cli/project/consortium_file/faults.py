"""What is wrong with the servers of a consortium.toml and with its scales."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proofward.cli.project.tables.table import ProjectError
from proofward.engines.remote.agreement.addresses import EXAMPLES, MOST_ADDRESSES, fault_of_address
from proofward.models.scale_bits import ScaleBits
from proofward.models.settings import SCALES


def scale_faults(scales: ScaleBits, trusted: bool) -> Iterator[ProjectError]:
    """Of the whole scales; trusted: whether there is a trusted first model."""
    for fault in scales.faults():
        yield ProjectError(fault.field, fault.expected, fault.actual)
    bits = scales.given.get("weight_bits", SCALES.weight_bits)
    if trusted and bits != SCALES.weight_bits:
        expected = f"{SCALES.weight_bits} with a trusted_first_model, whose file does not say its scale"
        yield ProjectError("scales.weight_bits", expected, bits)


def server_faults(servers: Sequence[str]) -> Iterator[ProjectError]:
    """Of the names and addresses under which sites reach the server."""
    if not 1 <= len(servers) <= MOST_ADDRESSES:
        expected = f"1 to {MOST_ADDRESSES} names or addresses"
        yield ProjectError("server", expected, len(servers))
    for host in servers:
        if fault := fault_of_address(host):
            yield ProjectError("server", EXAMPLES, f"{host!r}: {fault}")
        if servers.count(host) > 1:
            yield ProjectError("server", "distinct names and addresses", f"{host} twice")
