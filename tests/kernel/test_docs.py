"""What the Markdown pages say of the tree: paths, names, commands and contracts exist, and lines are not too wide."""

from __future__ import annotations

import ast
import io
import re
import shlex
import tokenize
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from sapo_studio import __version__
from sapo_studio.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(ROOT / "docs").rglob("*.md"),
    ]
)


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


ABOUT_CODE = [ROOT / "docs/architecture.md", ROOT / "CONTRIBUTING.md"]
"""Pages whose names of code are looked up, too."""
ROOTS = [ROOT, ROOT / "sapo_studio", ROOT / "ui/sapo_ui", ROOT / "engine/sapo_engine", ROOT / "docs"]
SOURCES = ("sapo_studio", "ui", "engine", "benchmarks", "packaging")
WIDTH = 100

PATH = re.compile(r"(?:\.\.?/)?[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|toml|json|txt))")
NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
MADE = {"artefacts/", "runs/RUN/", "RUN/", "config.toml", "engine.log", "parent.log", "studio.db", "build/results"}
"""What a run or a build makes: not in the tree."""


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def blocks(page: Path) -> list[str]:
    """What stands in fences."""
    return re.findall(r"^```[^\n]*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def code_spans(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


@cache
def files_with() -> dict[str, list[Path]]:
    """For every word that stands in Python code of the tree: the files in which it does."""
    found: dict[str, list[Path]] = {}
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for word in {*re.findall(r"\w+", file.read_text(encoding="utf-8")), file.stem, *file.parent.parts}:
                found.setdefault(word, []).append(file)
    return found


@cache
def words_of(file: Path) -> frozenset[str]:
    """Every word that the code of a file uses: identifiers, words of strings, and its own path. No comments, no
    docstrings."""
    found = {file.stem, *file.parent.parts}
    begins = True  # a string that begins a statement says something to people
    for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.NAME or (token.type == tokenize.STRING and not begins):
            found.update(re.findall(r"\w+", token.string))
        if token.type != tokenize.COMMENT:
            begins = token.type in (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT)
    return frozenset(found)


@cache
def names_of(file: Path) -> frozenset[str]:
    """Every class, function and assigned name of a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case _:
                pass
    return frozenset(found)


def is_there(name: str) -> bool:
    """Whether a name is one of the tree: what looks like a class or a constant is defined there, the rest used."""
    return all(
        any(part in (words_of(file) if part == part.lower() else names_of(file)) for file in files_with().get(part, ()))
        for part in name.split(".")
    )


def exists(path: str) -> bool:
    return any((root / path).exists() for root in ROOTS)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path):
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))]
    broken = [t for t in targets if t and "://" not in t and not (page.parent / t).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_paths_exist(page: Path):
    paths = [span for span in code_spans(page) if PATH.fullmatch(span) and "/" in span]
    missing = [path for path in paths if not path.startswith("runs/") and path not in MADE and not exists(path)]
    assert missing == []


@pytest.mark.parametrize("page", ABOUT_CODE, ids=name_of)
def test_names_exist(page: Path):
    names = [span.removesuffix("()") for span in code_spans(page) if NAME.fullmatch(span)]
    assert len(names) > 5
    missing = [name for name in names if name not in MADE and not exists(name) and not is_there(name)]
    assert missing == []


def test_the_check_of_names_finds_what_is_not_there():
    there = ("RunSession", "PhaseContext.shard", "runtime.max_restarts", "commands", "ALL")
    gone = ("Stages", "Lab", "PhaseContext.shards_", "runtime.most_restarts", "RunSessions", "run_sessions")
    assert [is_there(name) for name in (*there, *gone)] == [True] * len(there) + [False] * len(gone)


def commands(page: Path) -> list[list[str]]:
    """Lines and spans of a page that call `sapo` or `make`, as words."""
    lines = [line.partition(" #")[0].strip().removeprefix("$ ") for block in blocks(page) for line in block.split("\n")]
    said = [line for line in [*lines, *code_spans(page)] if re.match(r"(?:sapo|make) [a-z]", line)]
    return [shlex.split(line.replace("[", "").replace("]", "")) for line in said]


@cache
def known_commands() -> dict[str, Any]:
    """The commands of `sapo` by name, those of groups by both names."""
    found: dict[str, Any] = dict(get_command(app).commands)  # type: ignore[attr-defined]
    for name, group in list(found.items()):
        found |= {f"{name} {one}": command for one, command in getattr(group, "commands", {}).items()}
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    known = known_commands()
    wrong: list[str] = []
    for program, name, *rest in commands(page):
        if rest and f"{name} {rest[0]}" in known:
            name, *rest = f"{name} {rest[0]}", *rest[1:]
        if program == "make":
            wrong += [name] if name not in targets else []
            continue
        if name not in known:
            wrong.append(f"sapo {name}")
            continue
        group = getattr(known[name], "commands", {})  # as `sapo annotate` has
        if group and rest and rest[0] not in group:
            wrong.append(f"sapo {name} {rest[0]}")
            continue
        command = group[rest[0]] if group and rest else known[name]
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = [word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"]
        wrong += [f"sapo {name} {option}" for option in used if option not in options]
    assert wrong == []


def test_the_tree_in_the_readme_is_the_tree():
    (tree,) = [block for block in blocks(ROOT / "README.md") if block.startswith("sapo_studio/")]
    root, found, missing = ROOT, 0, []
    for line in tree.splitlines():
        names = re.match(r" *((?:[\w.]+(?:/[\w.]+)*(?:/|\.py) ?)+)", line)
        assert names, line
        if not line.startswith(" "):
            root = ROOT / names[1].strip()
            missing += [] if root.is_dir() else [line]
            continue
        for name in names[1].split():
            found += 1
            missing += [] if (root / name).exists() else [line]
    assert missing == []
    assert found > 20


def test_every_contract_is_explained():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = " ".join((ROOT / "docs/architecture.md").read_text(encoding="utf-8").split())
    names = [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]
    assert len(names) > 10
    assert [name for name in names if f"**{name}" not in text] == []


def test_every_room_is_explained():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {
        entry.stem + ("/" if entry.is_dir() else "")
        for root in ROOTS[1:4]
        for entry in root.iterdir()
        if not entry.name.startswith("_") and (entry.suffix == ".py" or (entry / "__init__.py").exists())
    }
    assert len(rooms) > 30
    assert [room for room in sorted(rooms) if f"`{room}`" not in text] == []


@pytest.mark.parametrize("page", [page for page in PAGES if ROOT / "docs/results" not in page.parents], ids=name_of)
def test_lines_are_not_too_wide(page: Path):
    wide = [
        number
        for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), start=1)
        if len(line) > WIDTH and not line.startswith("|") and " " in line.strip()
    ]
    assert wide == []


def heading_ids(page: Path) -> set[str]:
    """What links can lead to: headings, written small, with - for spaces, as forges and the site both make them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_anchors_lead_to_a_heading(page: Path):
    broken: list[str] = []
    for target in re.findall(r"\]\(([^)\s]*#[^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        there = page if not path else page.parent / path
        if "://" not in target and there.suffix == ".md" and anchor not in heading_ids(there):
            broken.append(target)
    assert broken == []


def test_every_page_is_in_the_site():
    listed = set(re.findall(r"[\w./-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    there = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in there if not page.startswith("results/")} <= listed
    outside = {"index.md", "contributing.md", "changelog.md", "reporting.md"}  # packaging/site_hooks.py
    assert listed - there == outside


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert set(re.findall(r"^\s*version: (\S+)$", text, re.MULTILINE)) == {__version__}
    assert {"cff-version", "message", "title", "authors"} <= set(re.findall(r"^([\w-]+):", text, re.MULTILINE))
