"""The sources of packages: names, places and types agree with each other and with the program. What only macOS and
Windows can run is looked at here and no more."""

from __future__ import annotations

import configparser
import plistlib
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest

from sapo_studio import __version__
from sapo_studio.app.annotation.bundle_files import SUFFIXES
from sapo_studio.display import PACKAGES, PROBE
from sapo_ui.services import engine_setup

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
SCRIPTS = sorted(PACKAGING.rglob("*.sh"))


def text(name: str) -> str:
    return (PACKAGING / name).read_text(encoding="utf-8")


def spec(system: str) -> SimpleNamespace:
    """What the specification hands to PyInstaller on a system (`sys.platform`)."""
    got = SimpleNamespace(programs={}, app=None)
    analysis = SimpleNamespace(pure=[], scripts=[], binaries=[("libQt6Core.so.6", "", "")], datas=[])

    def take(scripts, **options):
        got.scripts, got.options = scripts, options
        return analysis

    hooks = SimpleNamespace(collect_submodules=lambda name, **_: [name], copy_metadata=lambda name: [(name, name)])
    modules = {
        "PyInstaller": SimpleNamespace(),
        "PyInstaller.utils": SimpleNamespace(),
        "PyInstaller.utils.hooks": hooks,
    }
    place = PACKAGING / "bundle" / "sapo-studio.spec"
    names = {
        "SPECPATH": str(place.parent),
        "Analysis": take,
        "PYZ": lambda pure: pure,
        "EXE": lambda *_, name, console, **__: got.programs.update({name: console}),
        "COLLECT": lambda *_, name, **__: setattr(got, "folder", name),
        "BUNDLE": lambda *_, **options: setattr(got, "app", options),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        patch.setattr(sys, "platform", system)
        patch.setattr(sys, "path", list(sys.path))
        for name in ("SAPO_WHEEL", "SAPO_UV", "SAPO_VERSION"):
            patch.setenv(name, f"/{name}")
        exec(compile(place.read_text(encoding="utf-8"), str(place), "exec"), names)
    return got


def test_there_are_two_programs_and_the_engine_is_in_neither():
    got = spec("linux")
    assert got.programs == {"sapo-studio": False, "sapo": True}
    assert got.folder == "sapo-studio"
    assert got.app is None
    assert all(Path(script).is_file() for script in got.scripts)
    assert {"sapo_engine", "torch", "transformers"} <= set(got.options["excludes"])
    assert {"sapo_studio", "sapo_ui"} <= set(got.options["hiddenimports"])
    places = dict(got.options["datas"])
    assert places["/SAPO_WHEEL"] == "sapo_studio/resources/wheels"
    assert got.options["binaries"] == [("/SAPO_UV", "sapo_studio/resources/tools")]
    assert all(Path(place).exists() for place in places if place.startswith(str(ROOT)))


def test_the_program_starts_itself_only_with_modules_that_the_packaged_one_takes():
    taken = runpy.run_path(str(PACKAGING / "bundle" / "program.py"))["MODULES"]
    files = [*(ROOT / "sapo_studio").rglob("*.py"), *(ROOT / "ui").rglob("*.py")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    itself = [line for line in lines if re.search(r"[\[(]sys\.executable, .*\"-m\"", line)]
    assert all('"-P", "-m"' in line for line in itself)
    modules = {re.findall(r'"-m", "([\w.]+)"', line)[0] for line in itself}
    assert modules == set(taken)
    assert {PROBE[3], engine_setup.COMMAND[3]} <= modules


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"LD_LIBRARY_PATH": "/b", "LD_LIBRARY_PATH_ORIG": "/own"}, {"LD_LIBRARY_PATH": "/own"}),
        ({"LD_LIBRARY_PATH": "/b"}, {}),
        ({"LD_LIBRARY_PATH": "/own"}, {"LD_LIBRARY_PATH": "/own"}),
    ],
)
def test_what_the_packaged_program_starts_finds_its_own_libraries(monkeypatch, before, after):
    monkeypatch.setattr(sys, "_MEIPASS", "/b", raising=False)
    environment = dict(before)
    runpy.run_path(str(PACKAGING / "bundle" / "program.py"))["mend"](environment)
    assert environment.pop("PYINSTALLER_RESET_ENVIRONMENT") == "1"
    assert environment == after


def test_the_packaged_program_is_no_python_for_anything_else(monkeypatch, capsys):
    program = runpy.run_path(str(PACKAGING / "bundle" / "program.py"))
    monkeypatch.setattr(sys, "argv", ["sapo-studio", "-P", "-m", "http.server"])
    monkeypatch.setitem(program["main"].__globals__, "mend", lambda _: None)
    assert program["main"]() == 2
    assert "no http.server" in capsys.readouterr().err


# -- Linux


@pytest.fixture(scope="module")
def desktop(tmp_path_factory) -> Path:
    """What is put below a prefix."""
    prefix = tmp_path_factory.mktemp("prefix")
    command = [sys.executable, str(PACKAGING / "desktop.py"), str(prefix), "/opt/my programs/sapo-studio"]
    subprocess.run(command, check=True, capture_output=True)
    return prefix / "share"


def test_the_menu_entry_opens_bundles_with_the_program(desktop):
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(desktop / "applications" / "sapo-studio.desktop")
    told = entry["Desktop Entry"]
    assert told["Exec"] == '"/opt/my programs/sapo-studio" %f'
    assert (desktop / f"icons/hicolor/scalable/apps/{told['Icon']}.svg").is_file()
    (kind,) = ElementTree.parse(desktop / "mime/packages/sapo-studio.xml").getroot()
    globs = [node.get("pattern") for node in kind if node.tag.endswith("glob")]
    assert globs == [f"*{SUFFIXES[0]}"]
    assert told["MimeType"] == f"{kind.get('type')};"
    about = ElementTree.parse(desktop / "metainfo/org.sapo_studio.SapoStudio.metainfo.xml").getroot()
    assert about.findtext("launchable") == "sapo-studio.desktop"
    assert [one.text for one in about.iter("mediatype")] == [kind.get("type")]
    assert [one.get("version") for one in about.iter("release")] == [__version__]


def test_icons_have_the_size_that_their_folder_says(desktop):
    found = sorted(desktop.glob("icons/hicolor/*/apps/sapo-studio.png"))
    assert len(found) == 8
    for picture in found:
        head = picture.read_bytes()[:24]
        width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
        assert f"{width}x{height}" == picture.parts[-3]


@pytest.mark.parametrize("tool", ["desktop-file-validate", "appstreamcli"])
def test_the_tools_of_the_desktop_have_no_complaint(desktop, tool):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    files = {
        "desktop-file-validate": [str(desktop / "applications/sapo-studio.desktop")],
        "appstreamcli": ["validate", "--no-net", str(next(desktop.glob("metainfo/*.xml")))],
    }
    done = subprocess.run([tool, *files[tool]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_programs_of_any_name_can_stand_in_the_menu_entry():
    quoted = runpy.run_path(str(PACKAGING / "desktop.py"))["quoted"]
    assert quoted("/usr/bin/sapo-studio") == "/usr/bin/sapo-studio"
    assert quoted("/my apps/100%") == '"/my apps/100%%"'
    assert quoted('/a"b') == r'"/a\\"b"'
    with pytest.raises(ValueError, match="cannot start"):
        quoted("/a\nExec=evil")


def bundled(folder):
    """A folder as PyInstaller leaves it, in small: the program, and a library with a link to it."""
    folder.mkdir()
    program = folder / "sapo-studio"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    (folder / "_internal").mkdir()
    (folder / "_internal" / "libQt6Core.so.6.9").write_bytes(bytes(4096))
    (folder / "_internal" / "libQt6Core.so.6").symlink_to("libQt6Core.so.6.9")
    return folder


@pytest.fixture
def build(tmp_path, monkeypatch):
    """What packaging/build.py can do, in a folder of the test's own."""
    monkeypatch.setattr(sys, "path", [str(PACKAGING), *sys.path])
    functions = runpy.run_path(str(PACKAGING / "build.py"))
    monkeypatch.setitem(functions["debian"].__globals__, "WORK", tmp_path / "work")
    return functions


def test_the_portable_archive_holds_the_folder_as_it_is_and_belongs_to_nobody_here(build, tmp_path):
    with tarfile.open(build["portable"](bundled(tmp_path / "bundle"), tmp_path)) as archive:
        members = {member.name.removeprefix(f"sapo-studio-{__version__}").lstrip("/"): member for member in archive}
    assert set(members) == {
        "",
        "sapo-studio",
        *(f"_internal{name}" for name in ("", "/libQt6Core.so.6.9", "/libQt6Core.so.6")),
    }
    assert {(one.uid, one.gid, one.uname, one.gname) for one in members.values()} == {(0, 0, "root", "root")}
    assert members["sapo-studio"].mode & 0o111 == 0o111
    assert members["_internal/libQt6Core.so.6"].linkname == "libQt6Core.so.6.9"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")
def test_the_debian_package_puts_the_folder_in_its_place_and_both_programs_on_the_path(build, tmp_path):
    package = build["debian"](bundled(tmp_path / "bundle"), tmp_path)
    listed = subprocess.run(["dpkg-deb", "--contents", package], capture_output=True, text=True, check=True).stdout
    names = {re.split(r" \./", line, maxsplit=1)[1] for line in listed.splitlines() if " ./" in line}
    assert "usr/lib/sapo-studio/sapo-studio" in names
    assert "usr/bin/sapo-studio -> ../lib/sapo-studio/sapo-studio" in names
    assert "usr/bin/sapo -> ../lib/sapo-studio/sapo" in names
    assert {"usr/share/doc/sapo-studio/copyright", "usr/share/doc/sapo-studio/changelog.gz"} <= names
    assert {line.split()[1] for line in listed.splitlines()} == {"root/root"}
    told = subprocess.run(["dpkg-deb", "--field", package, "Version"], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == __version__


def test_the_debian_package_requires_what_the_window_is_said_to_need():
    depends = re.search(r"^Depends: (.*)$", text("linux/control"), re.MULTILINE)
    assert depends is not None
    required = {re.split(r"[ |(]", one.strip())[0] for one in depends[1].split(",")}
    assert set(PACKAGES["apt install"].split()) <= required
    assert {"python3", "python3-venv"} <= required, "what an engine is set up with"


# -- macOS and Windows, never run


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parent.name)
def test_shell_scripts_are_sound(script):
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_the_app_for_macos_opens_bundles_and_is_what_the_image_is_made_of():
    app, script = spec("darwin").app, text("macos/build.sh")
    assert f'app="$work/bundle/{app["name"]}"' in script
    assert app["version"] == "/SAPO_VERSION"
    assert app["icon"] == str(ROOT / "build/package/sapo-studio.icns")
    assert '"$work/sapo-studio.icns"' in script
    (kind,) = plistlib.loads(plistlib.dumps(app["info_plist"]))["CFBundleDocumentTypes"]
    assert kind["CFBundleTypeExtensions"] == [SUFFIXES[0].removeprefix(".")]
    named = re.findall(r"\$root/(packaging/[\w./-]+)", script)
    assert len(named) > 1
    assert all((ROOT / place).is_file() for place in named)


def sections() -> dict[str, list[dict[str, str]]]:
    """The Inno Setup script: entries of each section; of [Setup], one for each setting."""
    found: dict[str, list[dict[str, str]]] = {}
    name = ""
    for line in text("windows/sapo-studio.iss").splitlines():
        head = re.fullmatch(r"\[(\w+)\]", line)
        if head:
            name = head[1]
            found[name] = []
        elif line and name and name != "Code" and line[0] not in ";#":
            if name == "Setup":
                key, _, value = line.partition("=")
                found[name].append({key: value})
            else:
                pairs = re.findall(r'(\w+): ("(?:[^"]|"")*"|[^;]+)(?:; |$)', line)
                assert "; ".join(f"{key}: {value}" for key, value in pairs) == line, "what cannot be read"
                found[name].append({key: value.removeprefix('"').removesuffix('"') for key, value in pairs})
    return found


def test_the_installer_for_windows_takes_the_folder_and_starts_what_is_in_it():
    got, found = spec("win32"), sections()
    (files,) = found["Files"]
    assert files["Source"] == rf"..\..\build\package\bundle\{got.folder}\*"
    settings = {key: value for one in found["Setup"] for key, value in one.items()}
    assert (PACKAGING / "windows" / settings["LicenseFile"].replace("\\", "/")).resolve().is_file()
    assert settings["SetupIconFile"] == r"..\..\build\package\sapo-studio.ico"
    assert settings["AppVersion"] == "{#Version}"
    programs = set(re.findall(r"\{app\}\\([\w-]+)\.exe", text("windows/sapo-studio.iss")))
    assert programs
    assert programs <= set(got.programs)
    kinds = {one["Subkey"]: one["ValueData"] for one in found["Registry"] if one["Root"] == "HKA"}
    kind = kinds[rf"Software\Classes\{SUFFIXES[0]}"]
    assert kinds[rf"Software\Classes\{kind}\shell\open\command"].endswith('""%1""')
    script = text("windows/build.ps1")
    assert r"packaging\windows\sapo-studio.iss" in script
    assert r"packaging\build.py" in script


def test_what_packages_are_made_with_is_an_extra_of_the_program():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {re.split(r"[><=;]", one)[0] for one in project["optional-dependencies"]["package"]}
    assert {"pyinstaller", "hatchling", "uv", "nvidia-ml-py"} <= extra
