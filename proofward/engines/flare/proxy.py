"""Outgoing connections through a proxy: what gRPC, under FLARE, can do, and a plain refusal of the rest.

gRPC tunnels through an HTTP proxy with CONNECT, which it takes from the environment; TLS goes through the
tunnel from end to end. It knows no SOCKS. Tor offers CONNECT at its `HTTPTunnelPort`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from proofward.engines.flare.kit import KitError


def proxy_environment(url: str | None) -> dict[str, str]:
    """Variables for the processes that connect; raises KitError for a proxy that gRPC cannot use."""
    if url is None:
        return {}
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and parts.port is not None
    except ValueError:
        raise KitError(f"--proxy: expected http://HOST:PORT, found {url}") from None
    if parts.scheme.startswith("socks"):
        raise KitError(
            f"--proxy: {parts.scheme} is not possible: FLARE connects with gRPC, which speaks HTTP CONNECT "
            "only. Give an HTTP proxy, http://HOST:PORT; for Tor set `HTTPTunnelPort 9080` in torrc and use "
            "--proxy http://127.0.0.1:9080"
        )
    if parts.scheme != "http" or not named:
        raise KitError(f"--proxy: expected http://HOST:PORT, found {url}")
    return {"grpc_proxy": url, "no_grpc_proxy": ""}
