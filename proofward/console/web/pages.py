"""The pages' addresses, and how each is made from the state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from proofward import __version__
from proofward.console.state import State
from proofward.console.views.curves import curves
from proofward.console.views.entries import NoSuchEntry, entries, entry
from proofward.console.views.evaluated import evaluated
from proofward.console.views.findings import events, findings
from proofward.console.views.members import members
from proofward.console.views.overview import overview
from proofward.console.views.refused import refused
from proofward.console.views.sent import sent
from proofward.console.words import duration, short
from proofward.encoding import MalformedMessage
from proofward.engines.contract import KitError
from proofward.engines.remote.agreement.home import HomeError
from proofward.federation.history.state.history_state import CLOSED
from proofward.ledger.errors import LedgerError

FOLDER = Path(__file__).resolve().parent.parent
NAVIGATION = (
    ("overview", "/", "Overview"),
    ("members", "/members", "Members"),
    ("refused", "/refused", "Refusals"),
    ("curves", "/curves", "Curves"),
    ("evaluated", "/evaluations", "Evaluations"),
    ("entries", "/ledger", "Ledger"),
    ("sent", "/sent", "Sent"),
    ("findings", "/findings", "Doctor"),
    ("events", "/log", "Log"),
)
MOST_PAGE = 1 << 31
FAULT = "Something unexpected happened: a fault of ProofWard. The other pages may do."
View = Callable[[State, Request], dict[str, Any]]


def _whole(text: str) -> int:
    """A page's number; 1 for what is none."""
    return min(int(text), MOST_PAGE) if text.isascii() and text.isdigit() and len(text) < 12 else 1


def _entries(state: State, request: Request) -> dict[str, Any]:
    asked = request.query_params
    return entries(state, _whole(asked.get("page", "")), asked.get("kind", ""), asked.get("sender", ""))


VIEWS: dict[str, tuple[str, View]] = {
    "overview": ("/", lambda state, request: overview(state)),
    "members": ("/members", lambda state, request: members(state)),
    "refused": ("/refused", lambda state, request: refused(state)),
    "curves": ("/curves", lambda state, request: curves(state)),
    "evaluated": (
        "/evaluations",
        lambda state, request: evaluated(state, _whole(request.query_params.get("round", ""))),
    ),
    "entries": ("/ledger", _entries),
    "entry": ("/ledger/{number:int}", lambda state, request: entry(state, request.path_params["number"])),
    "sent": ("/sent", lambda state, request: sent(state, _whole(request.query_params.get("page", "")))),
    "findings": ("/findings", lambda state, request: findings(state)),
    "events": ("/log", lambda state, request: events(state)),
}
"""By the name of the template."""


class Pages:
    """Makes pages; an answer that has not changed is sent as one line."""

    def __init__(self, state: State) -> None:
        self._state = state
        loader = FileSystemLoader(FOLDER / "templates")
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined,
                                      trim_blocks=True, lstrip_blocks=True)  # fmt: skip
        self._templates.filters.update(short=short, svg=Markup)
        self._templates.tests["hexadecimal"] = lambda text: len(text) == 64 and " " not in text

    def application(self) -> Starlette:
        """The application, to be guarded."""
        routes: list[Any] = [Route(path, self._endpoint(name)) for name, (path, _) in VIEWS.items()]
        routes.append(Mount("/static", StaticFiles(directory=FOLDER / "static")))
        handlers: dict[Any, Any] = {404: self._missing, 500: self._fault}
        return Starlette(routes=routes, exception_handlers=handlers)

    def _endpoint(self, name: str) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            try:
                return self._page(request, name, VIEWS[name][1](self._state, request))
            except NoSuchEntry:
                return self._failed(request, name, "The ledger has no entry with this number.", 404)
            except (LedgerError, MalformedMessage, HomeError, KitError, OSError) as error:
                return self._failed(request, name, f"This cannot be shown: {error}.", 200)

        return answer

    async def _missing(self, request: Request, error: Exception) -> Response:
        return self._failed(request, "", "There is no such page.", 404)

    async def _fault(self, request: Request, error: Exception) -> Response:
        return self._failed(request, "", FAULT, 500)

    def _failed(self, request: Request, name: str, words: str, status: int) -> Response:
        return self._page(request, "failed", {"words": words}, status, name)

    def _page(
        self, request: Request, name: str, values: dict[str, Any], status: int = 200, at: str = ""
    ) -> Response:
        here = "entries" if (at or name) == "entry" else at or name
        values = {**self._common(), "here": here, **values}
        html = self._templates.get_template(f"{name}.html").render(values)
        mark = f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == mark:
            return Response(status_code=204, headers={"etag": mark})
        return HTMLResponse(html, status, {"etag": mark})

    def _common(self) -> dict[str, Any]:
        state = self._state
        with state.followed.lock:
            history = state.followed.history
            federation = history.rules.federation if history is not None else ""
            said = "This kit follows no ledger" if state.source.is_coordinator else "Nothing is recorded yet"
            if history is not None:
                number, _ = history.position()
                begun = f"Round {number}, phase {history.phase}" if number else f"Phase {history.phase}"
                said = "The federation is over" if history.phase == CLOSED else begun
        if not federation and state.health is not None:
            federation = state.health.view.federation
        problems = len(state.health.problems) if state.health is not None else 0
        return {
            "navigation": NAVIGATION,
            "place": state.source.name,
            "what": "run" if state.source.is_run else "kit",
            "federation": federation,
            "said": said,
            "needed": problems + bool(state.followed.trouble),
            "version": __version__,
            "duration": duration,
        }
