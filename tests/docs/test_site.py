"""The documents as a site: built without a warning, complete, and without a request to another host."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import proofward
from tests.docs.blocks import ROOT

pytest.importorskip("mkdocs", reason="the extra [docs] is not installed")
OUTSIDE = re.compile(r"<(?:script|link|img|iframe|source)[^>]* (?:src|href)=[\"']?(?:https?:)?//[^ >]*")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site's folder, as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    run = subprocess.run(
        command, cwd=ROOT, text=True, capture_output=True, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert run.returncode == 0 and "WARNING" not in run.stderr, run.stderr
    return folder


@pytest.mark.slow
def test_every_document_has_a_page_with_lists_and_tables(site):
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        name = path.relative_to(ROOT).with_suffix(".html")
        page = (site / ("index.html" if path.name == "README.md" else name)).read_text()
        own = page.partition("<article")[2]
        assert own and "```" not in own, name
        for text in re.findall(r"<p>((?:(?!</?p>).)*)</p>", own, re.DOTALL):
            assert not re.search(r"^(\* |\| )", text, re.MULTILINE), f"{name}: {text[:80]}"


@pytest.mark.slow
def test_nothing_is_fetched_from_another_host(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    for path in pages:
        assert not OUTSIDE.findall(path.read_text()), path
    for path in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", path.read_text()), path


@pytest.mark.slow
def test_all_that_is_exported_is_on_a_page_and_found_by_the_search(site):
    pages = "".join(path.read_text() for path in (site / "docs" / "api").glob("*.html"))
    found = json.loads((site / "search" / "search_index.json").read_text())["docs"]
    places = {entry["location"].partition("#")[2] for entry in found}
    for name in set(proofward.__all__) - {"__version__"}:
        home = getattr(proofward, name).__module__
        assert f'id="proofward.{name}"' in pages, f"{name} of {home} is on no page of docs/api"
        assert f"proofward.{name}" in places, name


WITH_METHODS = ("proofward.api.federation", "proofward.api.classifier")


def described() -> Iterator[tuple[str, Any, str]]:
    """Functions and public methods of what is exported, with the text that has to describe their arguments."""
    for name in sorted(set(proofward.__all__) - {"__version__"}):
        own = getattr(proofward, name)
        if not inspect.isclass(own):
            yield name, own, own.__doc__
            continue
        if issubclass(own, Exception) or own.__module__.startswith("proofward.optimizers"):
            continue
        yield name, own, f"{own.__doc__}\n{vars(own)['__init__'].__doc__}"
        for method, function in vars(own).items():
            plain = getattr(function, "__func__", function)
            public = inspect.isfunction(plain) and not method.startswith("_")
            if public and own.__module__ in WITH_METHODS:
                yield f"{name}.{method}", plain, plain.__doc__


def test_every_argument_is_described():
    seen, missing = 0, []
    for name, function, text in described():
        for argument in inspect.signature(function).parameters:
            if argument in ("self", "cls"):
                continue
            seen += 1
            if not re.search(rf"^ +{argument}: [A-Z0-9i(].{{3,}}", text, re.MULTILINE):
                missing.append(f"{name}: {argument}")
    assert seen > 120 and missing == []
