"""The HTML report as PDF, by WeasyPrint: the same file with its print styles, so that both say the same.

WeasyPrint needs Pango, a library of the operating system (Debian: libpango-1.0-0, libpangoft2-1.0-0). In
return it sets every script's letters, knows the styles of the page, and makes tagged PDF for screen readers.
Whoever has no Pango prints the HTML file in a browser: it has the same styles.
"""

from __future__ import annotations

from typing import Any, cast

REMEDY = (
    "print the HTML file in a browser instead, or pip install 'proofward[report]' and, on Debian, "
    "apt install libpango-1.0-0 libpangoft2-1.0-0"
)


class PdfUnavailable(Exception):
    """There is no WeasyPrint, or no Pango: what to do."""


def pdf(page: str) -> bytes:
    """The PDF file of a report's HTML, for which nothing is read from elsewhere; raises PdfUnavailable."""
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise PdfUnavailable(f"no PDF can be made here ({str(error).splitlines()[0]}): {REMEDY}") from error
    closed: Any = weasyprint.urls.URLFetcher(allowed_protocols=(), fail_on_errors=True)
    document: Any = weasyprint.HTML(string=page, url_fetcher=closed)
    return cast(bytes, document.write_pdf(pdf_variant="pdf/ua-1"))
