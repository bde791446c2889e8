"""Who may see the pages: whoever has the token, under a name that is this machine's own.

Every answer carries headers that let the browser load nothing from anywhere else, show the page in no frame
and tell nobody its address. Requests are read only; others are refused. A name in the Host header that is
not one of those served is refused: so no page elsewhere reaches the console by a name that it has pointed at
this machine (DNS rebinding). The token is in the address that the console prints, once; then in a cookie that
scripts do not see and other sites do not send. Both are compared in constant time.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_BYTES = 32
HEADERS = {
    "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
NO_TOKEN = "Open the address that `proofward console` printed when it was started: it has the token in it.\n"
WRONG_HOST = "This console is not served under that name. Open the address that it printed.\n"
READ_ONLY = "This console is read only.\n"
OPEN = ("/static/",)
"""Paths that anybody may read: they are the same on every machine."""


class Guard:
    """Wraps an application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        hosts: Collection[str],
        cookie: str,
        asked: Callable[[], None],
    ) -> None:
        """hosts: names and addresses in the Host header, without the port.

        cookie: its name. asked: called with every request that is answered.
        """
        self._app = app
        self._token = token.encode()
        self._session = secrets.token_urlsafe(TOKEN_BYTES)
        self._hosts = {host.lower() for host in hosts}
        self._cookie = cookie
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._answer(scope)(scope, receive, guarded)

    def _answer(self, scope: Scope) -> ASGIApp:
        headers = _headers(scope)
        if _host(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse(WRONG_HOST, 421)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse(READ_ONLY, 405, {"allow": "GET, HEAD"})
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if given:
            if not hmac.compare_digest(given[-1].encode(), self._token):
                return PlainTextResponse(NO_TOKEN, 403)
            response = RedirectResponse("/", 303)
            response.set_cookie(self._cookie, self._session, httponly=True, samesite="strict", path="/")
            return response
        if not scope["path"].startswith(OPEN) and not self._known(headers.get("cookie", "")):
            return PlainTextResponse(NO_TOKEN, 403)
        self._asked()
        return self._app

    def _known(self, header: str) -> bool:
        try:
            found = SimpleCookie(header).get(self._cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._session.encode())


def _headers(scope: Scope) -> dict[str, str]:
    """By lower-case name; of several of one name all, so that none hides another."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}; {text}" if key in found else text
    return found


def _host(header: str) -> str:
    """The name in a Host header, without the port."""
    name = header.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0][1:]
    return name.partition(":")[0]


def new_token() -> str:
    """A token for one run of the console."""
    return secrets.token_urlsafe(TOKEN_BYTES)
