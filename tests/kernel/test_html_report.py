"""The report as an HTML page: what it says of every kind of run, and that no text of a run is more than text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sapo_studio.app.html_report.markup import element, written
from sapo_studio.app.html_report.page import build
from sapo_studio.app.imports.take_in import known_format, take_in
from sapo_studio.app.reports.provenance import origins
from sapo_studio.app.reports.verdict import change
from sapo_studio.app.studies import self_verification_matrix
from sapo_studio.config.schema import parse_config
from sapo_studio.domain.runs import RunStatus
from sapo_studio.formats.base import ReadAs
from sapo_studio.model_files.licence import licence_of
from sapo_studio.readable import printable
from sapo_studio.store import runs
from sapo_studio.store.annotations import annotate
from sapo_studio.store.db import Store
from sapo_studio.store.records import MetricValue
from tests.fixtures.command_line import said
from tests.fixtures.html_pages import Node, counts, parse
from tests.fixtures.step_files import ROWS, lines
from tests.fixtures.synthetic import synthetic_run

HOSTILE = (
    "</style><script>alert(1)</script><img src=x onerror=alert(2)>",
    "</title></svg></table><!-- &lt;b&gt; &amp;amp; &#x3c;i> ]]> <?php \" ' ` =",
    "\u05e9\u05dc\u05d5\u05dd \u202e txt.exe \u2066 \x00\x07\x1b[31m \x85\u2028 \ufeff \ufffe \U0001f600 e\u0301",
    "x" * 10_000,
    "line one\r\nline two\ttab",
)


def page_of(store: Store, run_id: str, traces: int = 6) -> Node:
    return parse(build(store, run_id, traces))


def section(page: Node, name: str) -> str:
    return page.by_id(name).text


# -- Text is text


@given(st.text(alphabet=st.characters(exclude_categories=())), st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_comes_out_as_it_is_shown_and_as_nothing_else(inside, attribute):
    shown = element("p", element("span", inside), " end", id=attribute)
    page = parse(written(shown))
    (paragraph,) = page.all("p")
    assert counts(page) == {"": 1, "p": 1, "span": 1}
    assert paragraph.text == printable(inside) + " end"
    assert paragraph.attributes == {"id": printable(attribute)}
    written(shown).encode()  # no half of a surrogate pair is left


@pytest.mark.parametrize(
    ("name", "more"), [("script", {}), ("iframe", {}), ("p", {"onclick": "x"}), ("a", {"style": "x"})]
)
def test_nothing_but_what_the_report_needs_can_be_made(name, more):
    with pytest.raises(ValueError, match="of the report"):
        element(name, **more)


def rewrite_steps(store: Store, run_id: str, steps: Callable[[int], list[str]]) -> None:
    """Other texts for all steps, as many as there were."""
    for identity, n in store.rows("SELECT id, n_steps FROM trajectories WHERE run_id = ?", (run_id,)):
        store.execute("UPDATE trajectories SET steps = ? WHERE id = ?", (json.dumps(steps(n)), identity))


def dressed_up(store: Store, run_id: str, text: str) -> None:
    """`text` wherever a run takes texts of others."""
    store.execute(
        "UPDATE questions SET text = ?, solution = ?, answer = ? WHERE run_id = ?", (text, text, text, run_id)
    )
    store.execute("UPDATE trajectories SET answer = ? WHERE run_id = ?", (text, run_id))
    rewrite_steps(store, run_id, lambda n: [text] * (n - 1) + ["1 + 1 = 2 \ud83d"])  # half of a pair, as models write
    store.execute("UPDATE runs SET name = ?, preset = ?, device = ? WHERE id = ?", (text, text, text, run_id))
    store.execute("UPDATE events SET level = 'warning', message = ? WHERE run_id = ?", (text, run_id))
    store.execute(
        "INSERT INTO alarms (run_id, iteration, kind, at, message, facts) VALUES (?, 1, ?, 0, ?, '{}')",
        (run_id, text, text),
    )
    store.execute(
        "INSERT INTO config_changes (run_id, at, sender, key, before, after) VALUES (?, 0, ?, ?, ?, ?)",
        (run_id, text, text, json.dumps(text), json.dumps([text])),
    )
    store.execute('UPDATE metrics SET "set" = ? WHERE run_id = ? AND name = ?', (text, run_id, "greedy_accuracy"))
    store.execute("UPDATE annotations SET annotator = ?", (text,))
    config = json.loads(store.value("SELECT config FROM runs WHERE id = ?", (run_id,)))
    config["task"]["instruction"] = text[:4000]
    config["task"]["train_data"] = text.replace("\0", "")
    config["model"]["source"] = text.replace("\0", "")
    config["task"]["kind"] = "jsonl"
    store.execute("UPDATE runs SET config = ? WHERE id = ?", (json.dumps(config), run_id))


def test_no_text_of_a_run_becomes_an_element(store):
    made = []
    for text in ("plain", *HOSTILE):
        run_id = synthetic_run(store, name=f"run {len(made)}", iterations=1, trajectories=16, questions=6)
        first = store.value("SELECT min(id) FROM trajectories WHERE run_id = ? AND source = 'sample'", (run_id,))
        annotate(store, first, "Ann", {1: -1})
        dressed_up(store, run_id, text)
        page = page_of(store, run_id)
        assert "1 + 1 = 2 \\ud83d" in section(page, "samples")
        made.append((text, counts(page), page))
    plain = made[0][1]
    for text, found, page in made[1:]:
        assert found == plain, text[:40]
        assert not {"script", "img", "iframe", "object", "link", "b", "i"} & set(found)
        for name in ("h1", "title"):
            assert page.all(name)[0].text.startswith(printable(text)[:20])


# -- What it says


def test_a_finished_run_is_told_whole(finished):
    store, run_id = finished
    page = page_of(store, run_id)
    assert [one.text for one in page.all("h2")] == [
        *("Summary", "Curves", "Numbers", "Verifier", "What was warned of", "Sample solutions", "Label audit"),
        *("What people say", "Configuration", "Environment", "Model and data", "Run it again"),
    ]
    verdict = page.by_id("summary").all("p")[0].text
    assert verdict.startswith("Sampled accuracy rose by 13.5 points, from 40.0\u00a0% to 53.5\u00a0% after iteration 3")
    assert "95\u00a0% interval +10.7 to +16.3 points" in verdict
    assert "53.5 ±2.0" in section(page, "numbers")
    assert "seed 0" in section(page, "summary")
    assert "Nobody has judged" in section(page, "people")
    assert "sapo run lab-demo --seed 0 --name first" in section(page, "again")
    assert "seed = 0" in section(page, "again")
    assert "Dawid" not in section(page, "warned")


def test_it_needs_nothing_else_and_can_be_read_by_everybody(finished):
    text = build(*finished)
    page = parse(text)
    assert "http" not in re.sub(r'http-equiv="Content-Security-Policy"', "", text)
    assert "url(" not in text
    assert "@import" not in text
    (policy,) = [one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not [one for one in page.walk() if {"style", "src", "onclick", "onload"} & set(one.attributes)]
    assert page.all("html")[0].attributes["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer"):
        assert len([one for one in page.all("body")[0].children if isinstance(one, Node) and one.name == landmark]) == 1
    identities = [one.attributes["id"] for one in page.walk() if "id" in one.attributes]
    assert len(set(identities)) == len(identities)
    for link in page.all("nav")[0].all("a"):
        page.by_id(link.attributes["href"].removeprefix("#"))
    for drawing in page.all("svg"):
        assert drawing.attributes["role"] == "img"
        assert [page.by_id(name).text for name in drawing.attributes["aria-labelledby"].split()]
    for table in page.all("table"):
        assert all(cell.attributes.get("scope") == "col" for cell in table.all("thead")[0].all("th"))
        width = len(table.all("thead")[0].all("th"))
        assert all(len(row.all("th")) + len(row.all("td")) == width for row in table.all("tbody")[0].all("tr"))


def test_the_same_store_gives_the_same_bytes_and_no_more_of_them_than_wanted(finished):
    store, run_id = finished
    one = build(store, run_id, 2)
    assert one == build(store, run_id, 2)
    assert len(parse(one).all("article")) == 2
    assert not parse(build(store, run_id, 0)).all("article")
    assert len(one) < 120_000


def test_heatmaps_stay_small_and_the_matrix_stands_beside_them(store):
    run_id = synthetic_run(store, iterations=2, trajectories=300, questions=12)
    error = {"value": 0.25, "low": 0.2, "high": 0.3, "n": 50}
    folder = store.run_dir(run_id)
    folder.mkdir(parents=True, exist_ok=True)
    self_verification_matrix.keep(folder, {"matrix": [{"verifier": 0, "reasoner": 1, "error": error}]})
    verifier = page_of(store, run_id, 0).by_id("verifier")
    maps = verifier.all("svg")
    assert [one.all("title")[0].text for one in maps] == [
        f"Scores by V{iteration - 1} of iteration {iteration}'s samples" for iteration in (1, 2)
    ]
    cells = sum(one.attributes["d"].count("M") for one in maps[0].all("path") if "cell" in one.attributes["class"])
    assert 0 < cells <= 80 * 24
    assert "mean step score" in maps[0].all("desc")[0].text
    assert "25.0 (20.0\u201330.0)" in verifier.all("table")[-1].text


def test_long_solutions_are_cut_so_that_the_page_stays_small(store):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=6)
    for identity, n in store.rows("SELECT id, n_steps FROM trajectories"):
        steps = json.dumps([f"{step} " + "long " * 2_000 for step in range(n)])
        store.execute("UPDATE trajectories SET steps = ? WHERE id = ?", (steps, identity))
    (article,) = page_of(store, run_id, 1).by_id("samples").all("article")
    assert "more characters" in article.text
    assert len(article.text) < 40_000
    assert all(
        row.all("td")[-1].text.startswith(f"{at} long") for at, row in enumerate(article.all("tbody")[0].all("tr"))
    )


def test_samples_are_of_each_kind_with_a_score_in_figures(finished):
    page = page_of(*finished)
    kinds = [one.all("h3")[0].text for one in page.by_id("samples").all("article")]
    assert [kind.split(" trajectory")[0] for kind in kinds[:3]] == [
        *("Correct answer", "Incorrect answer", "Verifier and rollouts differ")
    ]
    for article in page.by_id("samples").all("article"):
        heads = [one.text for one in article.all("thead")[0].all("th")]
        place = heads.index("score") - 1
        for row in article.all("tbody")[0].all("tr"):
            score = row.all("td")[place].text
            assert 0.0 <= float(score) <= 1.0
            assert f"e{round(10 * float(score))}" in row.attributes["class"] or score.endswith("5")


def test_every_number_drawn_has_contrast_to_its_ground():
    """Texts 4.5 to 1 (WCAG AA), in both looks; so have the lines, which need 3 to 1."""
    text = (Path(__file__).parents[2] / "resources" / "report.css").read_text()
    looks = [
        dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", text, re.S)
    ]
    light, dark = (looks[0], looks[0] | looks[1])
    for look in (light, dark):
        for name in ("text", "muted", "accent", "good", "warning", "bad", *(f"s{k}" for k in range(6))):
            assert contrast(look[f"--{name}"], look["--page"]) >= 4.5, (name, look["--page"])
        assert contrast(look["--text"], look["--soft"]) >= 4.5
        for name in ("text", "bad"):
            assert contrast(look[f"--{name}"], look["--bad-soft"]) >= 4.5
    for ground, ink in re.findall(r"\.v\d+ \{ background: (#[0-9a-f]{6}).*?; color: (#[0f]{3});", text):
        assert contrast(ground, {"#fff": "#ffffff", "#000": "#000000"}[ink]) >= 4.5


def contrast(first: str, second: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# -- Runs that are not done


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (RunStatus.QUEUED, "The run has not started."),
        (RunStatus.RUNNING, "The run is running"),
        (RunStatus.STOPPED, "The run was stopped"),
        (RunStatus.FAILED, "The run failed: The worker died twice. It was killed by signal 9."),
        (RunStatus.INTERRUPTED, "The run was interrupted"),
    ],
)
def test_a_run_that_is_not_done_says_so(store, status, told):
    run_id = synthetic_run(store, iterations=2, trajectories=16, questions=6, status=status)
    page = page_of(store, run_id)
    assert told in section(page, "summary")
    assert ("Resume" in section(page, "warned") or "resume" in section(page, "warned")) is (status is RunStatus.FAILED)
    if status is RunStatus.QUEUED:
        assert "Nothing has been measured yet." in section(page, "summary")
        assert "There are no solutions yet." in section(page, "samples")
        assert "has no labels yet" in section(page, "audit")


def test_a_run_of_no_iterations_has_its_reasoner_measured_and_nothing_else(store):
    run_id = runs.create_run(store, parse_config({"name": "cot", "iterations": 0}), "")
    store.execute(
        "INSERT INTO metrics (run_id, iteration, name, value, low, high, n)"
        " VALUES (?, 0, 'sampled_accuracy', .5, .4, .6, 90)",
        (run_id,),
    )
    page = page_of(store, run_id)
    assert "Sampled accuracy is 50.0\u00a0% (40.0 to 60.0\u00a0%, n 90) after the warm-up" in section(page, "summary")
    assert "No samples have been scored" in section(page, "verifier")
    assert "the program's defaults" in section(page, "configuration")
    assert "save this as run.toml" in section(page, "again").replace("Save", "save")


def test_numbers_that_are_none_are_left_out(store):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=6)
    store.execute("UPDATE metrics SET value = 9e999, high = 9e999 WHERE iteration = 1")
    store.execute("UPDATE metrics SET low = -9e999 WHERE iteration = 0 AND name = 'mce'")
    page = page_of(store, run_id)
    for name in ("summary", "curves", "numbers"):
        assert not re.search(r"\b(inf|nan)\b", section(page, name)), section(page, name)
    assert not re.search(r"inf|nan", " ".join(one.attributes.get("d", "") for one in page.all("path")))
    assert "after the warm-up" in section(page, "summary")


def test_a_configuration_of_another_version_is_no_obstacle(store):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=6)
    store.execute("UPDATE runs SET config = json_set(config, '$.sampling.unheard_of', 1) WHERE id = ?", (run_id,))
    page = page_of(store, run_id)
    assert "another version's" in section(page, "configuration")
    assert page.by_id("samples").all("article")


def test_a_damaged_row_is_told_where_it_is_missed_and_the_rest_is_there(store):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=6)
    store.execute("UPDATE trajectories SET steps = 'no list' WHERE source = 'sample'")
    page = page_of(store, run_id)
    assert "damaged row" in section(page, "samples")
    assert "damaged row" in section(page, "audit")
    assert "Sampled accuracy" in section(page, "summary")


def test_an_imported_file_is_told_as_what_it_is(store, tmp_path):
    file = tmp_path / "steps.jsonl"
    file.write_text(lines(ROWS["processbench"]))
    run_id = take_in(store, file, known_format(file), ReadAs()).run_id
    page = page_of(store, run_id)
    assert "no run has computed it" in section(page, "summary")
    assert "1 solution: 1 with an incorrect step, 0 without one" in section(page, "summary")
    assert page.by_id("samples").all("article")
    assert [one.text for one in page.all("h2")][-1] == "Where it comes from"
    file.unlink()
    assert "cannot be looked at now" in section(page_of(store, run_id), "provenance")


# -- Programs, people, warnings


def test_programs_come_with_their_tests_and_keep_their_lines(store):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=6)
    store.execute("UPDATE runs SET config = json_set(config, '$.task.kind', 'mbpp', '$.model.source', 'hub:a/b')")
    code = ["def add(a, b):\n    # sums\n    return a + b", "print(add(1, 2))"]
    rewrite_steps(store, run_id, lambda n: [*code, *["pass"] * n][:n])
    store.execute("UPDATE questions SET answer = 'assert add(1, 2) == 3\nassert add(0, 0) == 0'")
    (article, *_) = page_of(store, run_id).by_id("samples").all("article")
    assert [one.text for one in article.all("dt")][:2] == ["Question", "Tests"]
    shown = [one for one in article.all("div") if one.attributes.get("class") == "text mono"]
    assert shown[0].text == "assert add(1, 2) == 3\nassert add(0, 0) == 0"
    assert shown[1].text == code[0]


def test_what_people_said_stands_beside_the_steps_and_in_sum(store):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=6)
    shown = page_of(store, run_id).by_id("samples").all("article")[1]
    number = int(re.search(r"trajectory (\d+)", shown.text)[1])
    n = len(shown.all("tbody")[0].all("tr"))
    annotate(store, number, "Ann", dict.fromkeys(range(1, n), 1) | {n: -1})
    annotate(store, number, "Bo", dict.fromkeys(range(1, n + 1), 1))
    page = page_of(store, run_id)
    assert "People have judged 1 solution. Of 1 they say enough: 0 with an incorrect step, 1 without" in section(
        page, "people"
    )
    assert "Krippendorff" in section(page, "people")
    article = next(one for one in page.all("article") if f"trajectory {number}:" in one.text)
    last = article.all("tbody")[0].all("tr")[-1]
    assert "Ann: incorrect" in last.text
    assert "Bo: correct" in last.text


def test_what_was_warned_of_is_there_with_corrections_and_restarts(store):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=6)
    assert "5 of 12 pairs" not in section(page_of(store, run_id), "summary")
    runs.add_log(store, run_id, "warning", "a warning of the log")
    runs.add_log(store, run_id, "info", "worker 12 on cuda:0, an H100 (torch 2.11, peft 0.21)")
    store.execute("UPDATE runs SET restarts = 2")
    store.execute(
        "INSERT INTO config_changes (run_id, at, sender, key, before, after)"
        " VALUES (?, 0, 'me', 'optimiser.learning_rate', '0.1', '0.2')",
        (run_id,),
    )
    store.execute(
        "INSERT INTO alarms (run_id, iteration, kind, at, message, facts)"
        " VALUES (?, 1, 'few_pairs', 0, 'Only 3.', '{}')",
        (run_id,),
    )
    told = section(page_of(store, run_id), "warned")
    for part in (
        "a warning of the log",
        "started again 2 times",
        "optimiser.learning_rate",
        "Too few pairs",
        "Only 3.",
    ):
        assert part in told
    assert "cuda:0, an H100 (torch 2.11, peft 0.21)" in section(page_of(store, run_id), "environment")


# -- Where it comes from


def test_licences_are_read_and_never_guessed(tmp_path):
    assert licence_of(tmp_path) is None
    (tmp_path / "LICENSE.txt").write_text("\n   Apache License\n   Version 2.0, January 2004\n\nlong text")
    assert str(licence_of(tmp_path)) == "Apache License Version 2.0, January 2004 (stated by LICENSE.txt)"
    (tmp_path / "config.json").write_text('{"license": "mit"}')
    assert licence_of(tmp_path).name == "mit"
    (tmp_path / "README.md").write_text(
        "---\ntags: [x]\nlicense: other\nlicense_name: gemma\n---\n# Card\nlicense: no\n"
    )
    assert licence_of(tmp_path).name == "gemma"
    (tmp_path / "README.md").write_text("# A card without a head\nlicense: no\n")
    (tmp_path / "config.json").write_bytes(b"\xff\x00")
    assert licence_of(tmp_path).by == "LICENSE.txt"
    assert licence_of(tmp_path / "nowhere") is None


def test_model_and_data_are_named_with_digests(tmp_path):
    model, data = tmp_path / "model", tmp_path / "data"
    model.mkdir()
    data.mkdir()
    (model / "config.json").write_text('{"license": "mit"}')
    (model / "notes.txt").write_text("no part of it")
    (data / "train.jsonl").write_text("{}\n")
    config = parse_config(
        {
            "task": {"kind": "jsonl", "train_data": str(data / "train.jsonl"), "process_data": "benchmark:none@1"},
            "model": {"source": str(model)},
        }
    )
    reasoner, questions, benchmark = origins(config)
    assert reasoner.licence == "mit (stated by config.json)"
    assert [one.name for one in reasoner.files] == ["config.json"]
    assert questions.licence == "not stated"
    assert questions.files[0].digest == "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    assert benchmark.note.startswith("It cannot be looked at now: There is no frozen process benchmark")
    assert not benchmark.files


def test_a_change_has_the_interval_of_both_ends():
    moved = change(MetricValue(0.4, 0.37, 0.43), MetricValue(0.5, 0.46, 0.54))
    assert (moved.low, moved.high) == pytest.approx((0.05, 0.15))
    assert moved.certain
    assert not change(MetricValue(0.4, 0.37, 0.43), MetricValue(0.42, 0.39, 0.45)).certain
    assert change(MetricValue(0.4), MetricValue(0.5)).low is None


# -- `sapo report --html`


def test_the_command_writes_it_or_says_why_not(store, tmp_path):
    run_id = synthetic_run(store, iterations=1, trajectories=16, questions=6)
    file = tmp_path / "report.html"
    code, out, err = said("report", run_id, "--html", file, "--traces", "1")
    assert (code, out) == (0, "")
    assert f"The report of {run_id} is in {file}" in err
    assert file.read_text() == build(store, run_id, 1)
    for more, why in (
        (("--html", tmp_path), "is a folder"),
        (("--html", tmp_path / "no" / "where.html"), "Cannot write"),
        (("--traces", "3"), "--traces is about the HTML page"),
        (("--html", file, "--json"), "contradict each other"),
    ):
        code, _, err = said("report", run_id, *more)
        assert code in (1, 2)
        assert why in err
