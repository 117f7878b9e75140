"""`make docs`: the site is built without a warning, holds every page, and loads nothing from elsewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # a hundred pages

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r'<(?:script|img|iframe)[^>]*\ssrc="?([^" >]+)|<link[^>]*rel="?stylesheet"?[^>]*href="?([^" >]+)')
FETCHED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"?https?:[^>]*>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as `make docs` makes it."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_is_whole_and_needs_no_network(site: Path):
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    pages -= {page for page in pages if page.name == "README.html"}
    assert [page for page in sorted(pages) if not (site / page).is_file()] == []
    written = list(site.rglob("*.html"))
    assert len(written) > 40
    for page in written:
        text = page.read_text(encoding="utf-8")
        assert FETCHED.findall(text) == [], page
        loaded = [a or b for a, b in LOADED.findall(text)]
        assert loaded
        assert [what for what in loaded if "://" in what or what.startswith("//")] == [], page
    for sheet in site.rglob("*.css"):
        assert "fonts.googleapis" not in sheet.read_text(encoding="utf-8")
    found = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    assert any("labeling.labeler" in entry["text"] for entry in found), "the configuration can be searched"


def test_search_works_in_pages_that_are_opened_as_files(site: Path):
    """A browser reads no JSON there and starts no worker: the index is a script, and a frame stands for the worker."""
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert index.startswith("var __index")
    assert "launcher" in index
    assert 'location.protocol === "file:"' in (site / "index.html").read_text(encoding="utf-8")
