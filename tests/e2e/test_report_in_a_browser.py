"""The HTML report in headless Chromium: it is shown whole, asks for nothing, needs no script, and can be printed."""

from __future__ import annotations

import os

import pytest

from sapo_studio.app.html_report.page import build
from sapo_studio.store.db import Store
from tests.fixtures import browser
from tests.fixtures.synthetic import synthetic_run

CURIOUS = """<!DOCTYPE html><title>x</title><p>Curious</p><img src="http://example.invalid/a.png">
<link rel="stylesheet" href="http://example.invalid/a.css">"""


@pytest.fixture(scope="module")
def chromium() -> None:
    if why := browser.missing():
        assert not os.environ.get("CI"), f"{why}. .ci/run installs what it needs."
        pytest.skip(why)


@pytest.mark.slow  # starts a browser twice
@pytest.mark.usefixtures("chromium")
def test_it_is_shown_asks_for_nothing_and_can_be_printed(tmp_path):
    with Store.open(tmp_path / "studio.db") as store:
        run_id = synthetic_run(store, name="a run", trajectories=60, questions=12)
        hostile = "</style><script>document.title = 'taken'</script><img src=http://example.invalid/b.png>"
        store.execute("UPDATE questions SET text = ?", (hostile,))
        file, curious = tmp_path / "report.html", tmp_path / "curious.html"
        file.write_text(build(store, run_id))
    curious.write_text(CURIOUS)
    report, control = browser.opened(tmp_path, file, curious)
    # What follows would see a page that asks for something: this one does.
    assert "http://example.invalid/a.png" in control["asked"]
    assert report["loaded"]
    assert report["asked"] == [file.as_uri()]
    assert report["console"] == []
    verdict = "Sampled accuracy rose by 13.5 points, from 40.0\u00a0% to 53.5\u00a0% after iteration 3"
    assert verdict in report["text"]
    assert hostile in report["text"]
    # Its style sheet holds: links in the accent, the first line, its end's name.
    assert {"#ffffff", "#f3f4f6", "#0b7180", "#005f96"} <= set(report["colors"])
    assert len(report["pages"]) > 3
    first = " ".join(report["pages"][0].split())
    assert " ".join(verdict.split()) in first
    assert "Summary Curves" not in first  # the links to the sections are for the screen
    (dark,) = browser.opened(tmp_path, file, scheme=browser.DARK)
    assert {"#1c1f24", "#14161a", "#52b9c7"} <= set(dark["colors"])
    assert not {"#ffffff", "#f3f4f6"} & set(dark["colors"])
