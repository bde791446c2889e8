"""The report as PDF, and in a browser at three widths."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

from proofward.dossier.pdf import PdfUnavailable, pdf


def test_the_same_paper_as_pdf(filed, page, tmp_path):
    try:
        made = pdf(page)
    except PdfUnavailable as error:
        pytest.skip(str(error))
    streams = [zlib.decompress(found) for found in re.findall(rb"stream\n(x.*?)\nendstream", made, re.DOTALL)]
    assert made.startswith(b"%PDF-") and any(b"StructTreeRoot" in one for one in streams), "for screen readers"
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text>words of another file</text></svg>')
    outside = page.replace("<main>", f'<main><img alt="x" src="{secret.as_uri()}">')
    with pytest.raises(BaseException, match=r"secret\.svg"):
        pdf(outside)


CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = (320, 768, 1920)
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync")  # fmt: skip


@pytest.mark.slow
def test_in_a_browser_at_three_widths_with_no_serious_finding(filed, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is not there")
    asked, said = [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, args=QUIET, headless=True
        )
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(filed.files[0].as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width, width
            found = axe.Axe().run(page).response["violations"]
            assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == [], width
        browser.close()
    assert set(asked) == {filed.files[0].as_uri()} and said == []
