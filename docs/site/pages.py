"""A hook of mkdocs: pages of the site have the paths that the documents have in the repository.

So a link from one document to another is the same on the site and in a checkout, and README.md is the first
page. Notebooks and pictures go along as files. The documents are written in GitHub's Markdown, in which a
list or a table may follow a line of text at once.

A document that the navigation of mkdocs.yml does not name stands in its section More.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

PATTERNS = ("*.md", "docs/*.md", "docs/api/*.md", "docs/pictures/*", "notebooks/*.ipynb")
_ENTRY = re.compile(r"(\* |- |\d+\. |\|)")
_FENCE = "```"


def on_config(config: Any) -> Any:
    """The navigation, with all documents."""
    named = repr(config.nav)
    documents = [f"docs/{path.name}" for path in sorted(Path(config.docs_dir).glob("*.md"))]
    others = [name for name in documents if repr(name) not in named]
    if others:
        config.nav.append({"More": others})
    return config


def on_files(files: Files, config: Any) -> Files:
    """The theme's files, and the documents instead of what mkdocs found in `docs_dir`."""
    root, documents = Path(config.config_file_path).parent, Path(config.docs_dir)
    kept = [file for file in files if not Path(file.abs_src_path or "/").is_relative_to(documents)]
    paths = [path for pattern in PATTERNS for path in sorted(root.glob(pattern))]
    named = {str(path.relative_to(root)): str(path) for path in paths}
    return Files([*kept, *(File.generated(config, name, abs_src_path=named[name]) for name in named)])


def on_page_markdown(markdown: str, **_: Any) -> str:
    """With an empty line above every list and every table."""
    lines: list[str] = []
    above, fenced = "", False
    for line in markdown.splitlines():
        begins = _ENTRY.match(line) and not _ENTRY.match(above) and not above.startswith(" ")
        if not fenced and above and begins:
            lines.append("")
        fenced ^= line.startswith(_FENCE)
        lines.append(line)
        above = line
    return "\n".join(lines)
