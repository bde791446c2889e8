"""Addresses that commands take: what is none is wrong use, said before anything is asked or written."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

import click

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?")


class WebAddress(click.ParamType[str]):
    """The address of a service, http or https. whole: with a user or a query, where keys may stand."""

    name = "url"

    def __init__(self, whole: bool = False) -> None:
        self.whole = whole

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address as it was given; raises BadParameter."""
        if not is_web_address(value, self.whole):
            example = "an address that begins with http:// or https://, such as https://one.example.org"
            self.fail(f"expected {example}, found {value!r}", param, ctx)
        return value


class OwnAddress(click.ParamType[str]):
    """An IP address of this machine, or localhost."""

    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The address as it was given; raises BadParameter."""
        try:
            ipaddress.ip_address("127.0.0.1" if value == "localhost" else value)
        except ValueError:
            self.fail(f"expected an IP address of this machine, found {value!r}", param, ctx)
        return value


def is_web_address(text: str, whole: bool) -> bool:
    """Whether a text has scheme, host and at most a port and a path; whole: or more."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
        known = _HOST.fullmatch(host) is not None or (":" in host and bool(ipaddress.ip_address(host)))
    except ValueError:
        return False
    rest = any((parts.query, parts.fragment, parts.username, parts.password))
    return parts.scheme in ("http", "https") and known and port != 0 and (whole or not rest)
