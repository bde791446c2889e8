"""Chromium without a window, where there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra [console] is not installed")

from proofward.cli.common.listening import listening
from proofward.console.source import open_source
from proofward.console.state import State
from proofward.console.web.serve import Served

VARIABLE = "PROOFWARD_BROWSER"
CANDIDATES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")  # fmt: skip


def executable() -> str:
    """The browser of this machine; the test is skipped where there is none."""
    pytest.importorskip("playwright", reason="the extra [browser] is not installed")
    found = os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, CANDIDATES)), None)
    if found is None:
        pytest.skip(f"no browser is installed: {', '.join(CANDIDATES)}, or name one in {VARIABLE}")
    return found


@contextmanager
def chromium() -> Iterator:
    """A browser with an empty profile of its own."""
    path = executable()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    """The console of a folder on a free port."""
    found = Served(State(open_source(folder)), listening("127.0.0.1", 0, "another console"))
    found.start()
    try:
        yield found
    finally:
        found.close()


class Watched:
    """A page, and what it asked for and complained of."""

    def __init__(self, browser, console: Served, width: int = 1280, **options) -> None:
        self.console = console
        self.context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(console.url)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.base}{path}")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.console.port}"

    def text(self) -> str:
        return " ".join(self.page.inner_text("body").split())

    def sound(self) -> None:
        """Nothing was complained of, and nothing asked for elsewhere."""
        assert self.complaints == []
        assert self.asked and all(url.startswith(self.base + "/") for url in self.asked)
