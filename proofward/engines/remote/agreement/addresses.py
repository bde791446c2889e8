"""Names and IP addresses under which sites reach the server: which can work, and how people write them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from proofward.engines.remote.agreement.names import is_value

MOST_ADDRESSES, LONGEST_NAME = 8, 64
UNNAMED = "server"
"""The server's name, where it has addresses only."""
EXAMPLES = "a name in lower case, at most 64 characters, such as fl.example.org, or an IP address"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"({_LABEL}\.)*{_LABEL}")
_MAPPED = "is an IPv4 address in IPv6's clothes: write it as IPv4"


def ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a text is, None for a name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def canonical(text: str) -> str:
    """A name in lower case, an address in its shortest form; what is neither stays as it is."""
    address = ip_address(text)
    return text.lower() if address is None else address.compressed


def fault_of_address(text: str) -> str:
    """Why no site can reach a server under this name or address, "" where nothing speaks against it."""
    address = ip_address(text)
    if address is None:
        wrong = len(text) > LONGEST_NAME or not _NAME.fullmatch(text) or is_value(text.rpartition(".")[2])
        return "no such name, and no such address" if wrong else ""
    if address.is_unspecified:
        return "stands for every address of a machine: name the one that sites connect to"
    if address.is_multicast:
        return "is a multicast address: no machine has it as its own"
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_link_local or address.scope_id:
            return "is valid on one network cable only: use a global or a unique local address"
        return _MAPPED if address.ipv4_mapped else ""
    return "is reserved: no machine has it" if address.is_reserved else ""


def split_port(text: str) -> tuple[str, int | None]:
    """HOST, HOST:PORT, an IPv6 address or [IPv6]:PORT; the host is not looked at. Raises ValueError."""
    if ip_address(text) is not None:
        return canonical(text), None
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, ""
    if colon and not text.endswith("]") and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"expected HOST or HOST:PORT with a port from 1 to 65535, found {text}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not isinstance(ip_address(host), ipaddress.IPv6Address):
            raise ValueError(f"expected an IPv6 address in brackets, found {text}")
    elif ":" in host:
        raise ValueError(f"expected an IPv6 address with a port as [ADDRESS]:PORT, found {text}")
    return canonical(host), int(port) if port else None


def split_ports(given: Sequence[str]) -> tuple[tuple[str, ...], int | None]:
    """Hosts, and the one port if any names one; raises ValueError."""
    found = [split_port(text) for text in given]
    ports = sorted({port for _, port in found if port is not None})
    if len(ports) > 1:
        raise ValueError(f"expected one port for all, found {', '.join(map(str, ports))}")
    return tuple(host for host, _ in found), ports[0] if ports else None


def shown(host: str, port: int | None = None) -> str:
    """A host as people write it, with a port or without."""
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def name_of(addresses: Sequence[str]) -> str:
    """The server's name: its first address that is a name."""
    return next((text for text in addresses if ip_address(text) is None), UNNAMED)
