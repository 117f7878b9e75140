"""What mkdocs is told beside mkdocs.yml: pages that lie outside docs/, and links that are those of the repository.

The pages are written to be read in the repository, too, so that their links are paths there; here they become those of
the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "reporting.md",
}
"""Pages of the repository's root, and what they are called on the site."""

_FETCHED = re.compile(r'<script src="https://unpkg\.com/iframe-worker/shim"></script>')
_LINK = re.compile(r"(\]\()([^)\s#]+)([^)\s]*\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside."""
    for name, called in OUTSIDE.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, called, content=with_links(text, name)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:
    """Links of the pages in docs/ that lead out of it."""
    uri: str = page.file.src_uri
    return markdown if uri in OUTSIDE.values() else with_links(markdown, f"docs/{uri}")


def on_post_page(output: str, **_: object) -> str:
    """Search in pages that are opened as files, without what the theme would fetch for it."""
    own = (ROOT / "packaging" / "site_parts" / "file_worker.js").read_text(encoding="utf-8")
    return _FETCHED.sub(lambda _: f"<script>\n{own}</script>", output)


def on_post_template(output: str, **_: object) -> str:
    """The same for the page of a path that is not there, which is none of the documents."""
    return on_post_page(output)


def with_links(text: str, source: str) -> str:
    """`text` of the page `source` (a path in the repository) with links as the site needs them."""
    here = OUTSIDE.get(source, source.removeprefix("docs/"))

    def changed(link: re.Match[str]) -> str:
        target = link[2]
        if "://" in target or target.startswith(("mailto:", "/")):
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        there = OUTSIDE.get(path) or path.removeprefix("docs/")
        if there == "results":
            there = "results/README.md"
        return f"{link[1]}{posixpath.relpath(there, posixpath.dirname(here) or '.')}{link[3]}"

    fences = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else _LINK.sub(changed, part) for part in fences)
