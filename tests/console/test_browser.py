"""The console in Chromium: it loads, follows a federation, asks nobody else, and passes axe's rules.

Skipped where there is no browser or the extra `[browser]` is not installed.
"""

from __future__ import annotations

import pytest

from tests.console.browser import Watched, chromium, served
from tests.console.pages import PATHS
from tests.engines import remote_harness as harness
from tests.engines import remote_kits

pytestmark = pytest.mark.slow
WIDTHS = (320, 768, 1280, 3840)
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def console(whole_run):
    with served(whole_run) as found:
        yield found


@pytest.fixture(scope="module")
def site(finished_sites, tmp_path_factory):
    place = tmp_path_factory.mktemp("site") / "hospital-0"
    with served(remote_kits.as_kit(finished_sites / "hospital-0", place)) as found:
        yield found


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_scrolls_sideways_or_complains(browser, site, width):
    watched = Watched(browser, site, width)
    for path in PATHS:
        watched.open(path)
        wide = watched.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
    watched.sound()
    watched.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, console, site, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra [browser] is not installed")
    for served_at, paths in ((console, ("/", "/curves", "/ledger/9")), (site, ("/", "/members", "/refused", "/ledger", "/sent", "/findings", "/log"))):
        watched = Watched(browser, served_at, color_scheme=scheme)
        for path in paths:
            watched.open(path)
            found = axe.Axe().run(watched.page).response["violations"]
            serious = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found
                       if rule["impact"] in SERIOUS]  # fmt: skip
            assert serious == [], path
        watched.context.close()


def test_the_keyboard_reaches_the_content_the_pages_and_every_link(browser, console):
    watched = Watched(browser, console)
    watched.open("/ledger")
    page, seen = watched.page, []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    assert seen[0] == "Skip to the content" and seen[1] == "Pause updates"
    assert seen[2:11] == ["Overview", "Members", "Refusals", "Curves", "Evaluations", "Ledger", "Sent", "Doctor", "Log"]
    assert seen[11:14] == ["kind", "sender", "Show"]
    assert "Federation closed" in seen
    page.focus(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    watched.context.close()


def test_it_follows_a_federation(browser, tmp_path):
    with harness.Consortium(tmp_path, harness.agreement(rounds=1)) as consortium:
        place = tmp_path / "hospital-0"
        remote_kits.furnish_kit(place)
        with served(place) as console:
            watched = Watched(browser, console)
            page = watched.page
            assert "Not everybody has joined yet" in watched.text()
            page.evaluate("window.unchanged = true")
            page.focus("nav a[href='/sent']")
            consortium.start()
            consortium.join(*consortium.names)
            page.get_by_text("The federation is over.", exact=True).wait_for(timeout=60_000)
            assert page.evaluate("window.unchanged"), "the page was never loaded anew"
            assert page.evaluate("document.activeElement.getAttribute('href')") == "/sent", "the reader's place is kept"
            assert page.get_by_role("status").first.inner_text().startswith("The federation is over")
            page.get_by_role("button", name="Pause updates").click()
            assert "updates paused" in watched.text()
            watched.sound()
        watched.context.close()


def test_it_says_when_the_console_has_ended(browser, whole_run):
    with served(whole_run) as console:
        watched = Watched(browser, console)
        assert "4 of" not in watched.text() and "2 of 2 rounds" in watched.text()
    watched.page.get_by_text("the console has ended").wait_for(timeout=60_000)
    assert "2 of 2 rounds" in watched.text()
    watched.context.close()


def test_without_the_token_the_browser_gets_nothing(browser, console):
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"http://127.0.0.1:{console.port}/")
    assert answer.status == 403 and "hospital" not in page.inner_text("body")
    context.close()
