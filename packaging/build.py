"""Packages of the window and the command line, without torch: `python packaging/build.py OUT`, or `make package`.

On Linux a folder for any distribution (.tar.gz) and a Debian package; on macOS and Windows the folder that
packaging/macos/build.sh and packaging/windows/build.ps1 make an image and an installer of. What computes is set up by
the program itself (`sapo engine install`), of the wheel that travels inside.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from desktop import draw, filled, install

from sapo_studio import __version__

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "package"
DEBIAN = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf"}
PLACE = Path("usr/lib/sapo-studio")
"""Where the Debian package has the folder."""


def wheel(out: Path) -> Path:
    """This program as a wheel."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=ROOT, check=True)
    return out / f"sapo_studio-{__version__}-py3-none-any.whl"


def uv() -> str:
    """The program uv, as its package brings it; empty where that is not installed."""
    return str(importlib.import_module("uv").find_uv_bin()) if importlib.util.find_spec("uv") else ""


def bundle(out: Path) -> Path:
    """The folder with both programs."""
    WORK.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        draw(WORK / "sapo-studio.ico", 256)
    environment = {
        **os.environ,
        "SAPO_WHEEL": str(wheel(WORK / "wheel")),
        "SAPO_UV": uv(),
        "SAPO_VERSION": __version__,
        "PYTHONHASHSEED": "0",
    }
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "--distpath", str(out)]
    spec = ROOT / "packaging" / "bundle" / "sapo-studio.spec"
    subprocess.run([*command, "--workpath", str(WORK / "pyinstaller"), str(spec)], env=environment, check=True)
    shutil.copy(ROOT / "LICENSE", out / "sapo-studio" / "LICENSE")
    return out / "sapo-studio"


def portable(folder: Path, out: Path) -> Path:
    """The folder as an archive that is unpacked and run from wherever it lies."""
    made = out / f"sapo-studio-{__version__}-{sys.platform}-{platform.machine()}.tar.gz"
    with tarfile.open(made, "w:gz", compresslevel=6) as archive:
        archive.add(folder, f"sapo-studio-{__version__}", filter=_of_root)
    return made


def _of_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    for name, value in {"uid": 0, "gid": 0, "uname": "root", "gname": "root"}.items():
        setattr(member, name, value)  # not `replace`, which cannot copy a member of an open archive in 3.11.7
    return member


def debian(folder: Path, out: Path) -> Path:
    """The folder as a Debian package, with what a desktop is to know. Needs dpkg-deb."""
    tree = WORK / "debian"
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(folder, tree / PLACE, symlinks=True)
    install(tree / "usr")
    (tree / "usr/bin").mkdir()
    for name in ("sapo-studio", "sapo"):
        (tree / "usr/bin" / name).symlink_to(os.path.relpath(PLACE / name, "usr/bin"))
    papers = tree / "usr/share/doc/sapo-studio"
    papers.mkdir(parents=True)
    shutil.copy(ROOT / "LICENSE", papers / "copyright")
    with gzip.GzipFile(papers / "changelog.gz", "wb", mtime=0) as stream:
        stream.write((ROOT / "CHANGELOG.md").read_bytes())
    size = sum(file.lstat().st_size for file in tree.rglob("*") if file.is_file() and not file.is_symlink())
    about = {
        "VERSION": __version__,
        "ARCHITECTURE": DEBIAN.get(platform.machine(), platform.machine()),
        "SIZE": size // 1024,
        "GLIBC": platform.libc_ver()[1],
    }
    (tree / "DEBIAN").mkdir()
    control = (ROOT / "packaging/linux/control").read_text(encoding="utf-8")
    (tree / "DEBIAN/control").write_text(filled(control, **about), encoding="utf-8")
    made = out / f"sapo-studio_{__version__}_{about['ARCHITECTURE']}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zzstd", "-z10", "--build", str(tree), str(made)], check=True)
    return made


def main() -> int:
    """See the module's docstring."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").absolute()
    out.mkdir(parents=True, exist_ok=True)
    folder = bundle(WORK / "bundle")
    made = [folder]
    if sys.platform == "linux":
        made = [portable(folder, out)]
        if shutil.which("dpkg-deb"):
            made.append(debian(folder, out))
        else:
            print("No Debian package: dpkg-deb is not installed.", file=sys.stderr)
    for package in made:
        print(package)
    return 0


if __name__ == "__main__":
    sys.exit(main())
