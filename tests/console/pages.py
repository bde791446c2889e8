"""Pages as a browser without scripts gets them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra [console] is not installed")

from starlette.testclient import TestClient

from proofward.console.source import open_source
from proofward.console.state import State
from proofward.console.web.guarding import Guard
from proofward.console.web.pages import VIEWS, Pages

TOKEN = "a token of these tests"
PATHS = sorted(path.replace("{number:int}", "5") for path, _ in VIEWS.values())


def state_of(folder: Path) -> State:
    """Everything in the folder, looked at once."""
    state = State(open_source(folder))
    state.refresh()
    return state


def client(state: State) -> TestClient:
    """Asks without the token."""
    guard = Guard(Pages(state).application(), token=TOKEN, hosts=("127.0.0.1",), cookie="session", asked=state.asked)
    return TestClient(guard, base_url="http://127.0.0.1:8700", follow_redirects=True)


def entered(state: State) -> TestClient:
    """Asks with the token's cookie."""
    found = client(state)
    assert found.get("/", params={"token": TOKEN}).status_code == 200
    return found


def page(folder: Path, path: str = "/") -> str:
    """A page's text."""
    state = state_of(folder)
    with closing(state):
        answer = entered(state).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text
