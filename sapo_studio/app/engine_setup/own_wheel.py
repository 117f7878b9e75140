"""This program as a wheel, for the engine's environment: so that engine and window are of one release, published or
not."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.util
import io
import re
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import NamedTemporaryFile

from sapo_studio import __version__
from sapo_studio.errors import InputError
from sapo_studio.paths import resources_dir

PACKAGES = ("sapo_studio", "sapo_engine")
NAME = f"sapo_studio-{__version__}-py3-none-any.whl"
_INFO = f"sapo_studio-{__version__}.dist-info"
_WHEEL = "Wheel-Version: 1.0\nGenerator: sapo-studio\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every file: the same files make the same wheel."""


def own_wheel(folder: Path) -> Path:
    """The wheel that came with the program, else one made in `folder` of the files it runs from.

    Raises InputError where the program runs from files that were never installed, OSError where it cannot be written.
    """
    brought = resources_dir() / "wheels" / NAME
    if brought.is_file():
        return brought
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / NAME
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", zipfile.ZIP_DEFLATED) as archive:
        record: list[tuple[str, str, int]] = []
        for name, data in _files():
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST), data, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append((name, f"sha256={digest}", len(data)))
        table = io.StringIO()
        csv.writer(table, lineterminator="\n").writerows([*record, (f"{_INFO}/RECORD", "", "")])
        archive.writestr(zipfile.ZipInfo(f"{_INFO}/RECORD", _EARLIEST), table.getvalue())
    if not (made.is_file() and made.read_bytes() == told.getvalue()):
        with NamedTemporaryFile(dir=folder, prefix=NAME, suffix=".part", delete=False) as part:  # others may be at it
            try:
                part.write(told.getvalue())
                part.close()
                Path(part.name).replace(made)
            finally:
                Path(part.name).unlink(missing_ok=True)
    return made


def fingerprint(wheel: Path) -> str:
    """What tells one wheel from another of the same release."""
    return hashlib.sha256(wheel.read_bytes()).hexdigest()[:16]


def constraints() -> Path | None:
    """The versions that the program was tested with, for pip; None where they did not come with it."""
    resources = resources_dir()
    places = (resources / "constraints.txt", resources.parent / "packaging" / "constraints.txt")
    return next((place for place in places if place.is_file()), None)


def _files() -> Iterator[tuple[str, bytes]]:
    for package in PACKAGES:
        root = _package(package)
        yield from _below(root, package)
    resources = resources_dir()
    if resources.parent.name != PACKAGES[0]:  # a checkout keeps them beside the packages
        yield from _below(resources, f"{PACKAGES[0]}/resources")
        versions = constraints()
        if versions is not None:
            yield f"{PACKAGES[0]}/resources/{versions.name}", versions.read_bytes()
    yield f"{_INFO}/METADATA", _metadata().encode()
    yield f"{_INFO}/WHEEL", _WHEEL.encode()
    yield f"{_INFO}/entry_points.txt", b"[console_scripts]\nsapo = sapo_studio.cli:main\n"


def _below(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            yield f"{name}/{file.relative_to(folder).as_posix()}", file.read_bytes()


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise InputError(
            f"This program came without {name}", why="The installation is incomplete.", fix="Install it again."
        )
    return Path(found.origin).parent


def _metadata() -> str:
    try:
        told = distribution("sapo-studio").read_text("METADATA")
    except PackageNotFoundError:
        told = None
    if told is None:
        raise InputError(
            "What the engine needs is not known",
            why="This program runs from a source tree that was never installed.",
            fix="Install it: pip install .",
        )
    # An editable installation keeps that of the day on which it was made.
    return re.sub(r"^Version: .*$", f"Version: {__version__}", told, count=1, flags=re.MULTILINE)
