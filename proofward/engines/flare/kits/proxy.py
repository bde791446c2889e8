"""Outgoing connections through a proxy: what gRPC, under FLARE, can do, and a plain refusal of the rest.

gRPC tunnels through an HTTP proxy with CONNECT; TLS goes through the tunnel from end to end. It knows no
SOCKS. Tor offers CONNECT at its `HTTPTunnelPort`. gRPC takes a proxy from some variables of the environment
and not from others, so the environment decides nothing here: where it names one, the operator says what is
meant.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from proofward.engines.contract import KitError, WrongProxy

DIRECT = "none"
_NAMES = ("grpc_proxy", "https_proxy", "http_proxy", "all_proxy")
_EXCEPTIONS = ("no_grpc_proxy", "no_proxy")
_GRPC = ("grpc_proxy", "https_proxy", "http_proxy")


def _found(names: tuple[str, ...], environment: Mapping[str, str]) -> dict[str, str]:
    spelt = [spelling for name in names for spelling in (name, name.upper())]
    return {name: environment[name] for name in spelt if environment.get(name)}


def proxies_for(host: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that name a proxy for a connection to `host`, by the usual reading of all of them."""
    if host == "localhost" or host == "::1" or host.startswith("127."):
        return {}
    for text in _found(_EXCEPTIONS, environment).values():
        for entry in text.lower().split(","):
            name = entry.strip().removeprefix("*").removeprefix(".")
            if entry.strip() == "*" or (name and (host == name or host.endswith(f".{name}"))):
                return {}
    return _found(_NAMES, environment)


def shown(variables: Mapping[str, str]) -> str:
    """Variables that name proxies, without the passwords in them."""
    parts = []
    for name, url in variables.items():
        scheme, separator, rest = url.rpartition("://")
        parts.append(f"{name}={scheme}{separator}{'...@' if '@' in rest else ''}{rest.rpartition('@')[2]}")
    return ", ".join(parts)


def proxy_environment(
    url: str | None, host: str, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Variables for the processes that connect to `host`: through the proxy `url`, or directly.

    `url` is None where the operator said nothing, and "none" for no proxy. Raises WrongProxy for a
    proxy that gRPC cannot use, KitError where nothing was said and the environment names one.
    """
    if url is None and (found := proxies_for(host, environment)):
        raise KitError(
            f"the environment names a proxy ({shown(found)}), which may or may not be meant for {host}: give "
            f"--proxy http://HOST:PORT to use one, --proxy {DIRECT} to connect directly, or name {host} in "
            "no_proxy"
        )
    if url is None or url == DIRECT:
        return dict.fromkeys(_GRPC, "")
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and parts.port is not None
    except ValueError:
        raise WrongProxy(f"--proxy: expected http://HOST:PORT, found {url}") from None
    if parts.scheme.startswith("socks"):
        raise WrongProxy(
            f"--proxy: {parts.scheme} is not possible: FLARE connects with gRPC, which speaks HTTP CONNECT "
            "only. Give an HTTP proxy, http://HOST:PORT; for Tor set `HTTPTunnelPort 9080` in torrc and use "
            "--proxy http://127.0.0.1:9080"
        )
    if parts.scheme != "http" or not named:
        raise WrongProxy(f"--proxy: expected http://HOST:PORT, found {url}")
    return {**dict.fromkeys(_GRPC, ""), "grpc_proxy": url, "no_grpc_proxy": "", "no_proxy": ""}
