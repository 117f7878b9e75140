"""What a Linux desktop is to know of the program: menu entry, icons, the type of .sapo files, AppStream's description.

`python packaging/desktop.py PREFIX PROGRAM` puts it below PREFIX (such as ~/.local), for the program at PROGRAM;
`make desktop` does so for the one in .venv. `--icon FILE SIZE` draws the icon alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sapo_studio import __version__

HERE = Path(__file__).resolve().parent
ICON = HERE.parent / "resources" / "icons" / "sapo-studio.svg"
SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
"""Pixels, of the icons that are no drawings."""
DATABASES = (("update-desktop-database", "share/applications"), ("update-mime-database", "share/mime"))


def install(prefix: Path, program: str = "sapo-studio") -> list[Path]:
    """Put everything below `prefix`; the menu entry starts `program`. Returns the files."""
    entry = (HERE / "linux" / "sapo-studio.desktop").read_text(encoding="utf-8")
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    about = (HERE / "linux" / "org.sapo_studio.SapoStudio.metainfo.xml").read_text(encoding="utf-8")
    texts = {
        "share/applications/sapo-studio.desktop": entry.replace("Exec=sapo-studio", f"Exec={quoted(program)}"),
        "share/metainfo/org.sapo_studio.SapoStudio.metainfo.xml": filled(about, VERSION=__version__, DATE=date),
        "share/mime/packages/sapo-studio.xml": (HERE / "linux" / "sapo-studio.xml").read_text(encoding="utf-8"),
        "share/icons/hicolor/scalable/apps/sapo-studio.svg": ICON.read_text(encoding="utf-8"),
    }
    made: list[Path] = []
    for name, text in texts.items():
        made.append(prefix / name)
        made[-1].parent.mkdir(parents=True, exist_ok=True)
        made[-1].write_text(text, encoding="utf-8")
    for size in SIZES:
        made.append(prefix / f"share/icons/hicolor/{size}x{size}/apps/sapo-studio.png")
        draw(made[-1], size)
    return made


def quoted(program: str) -> str:
    """A program's path as a desktop entry's Exec takes it. Raises ValueError where it takes none such."""
    if any(sign in program for sign in "\n=\0"):
        raise ValueError(f"a desktop entry cannot start {program!r}")
    if not any(sign in program for sign in " \t\"'\\><~|&;$*?#()`%"):
        return program
    inside = "".join(f"\\\\{sign}" if sign in '"`$\\' else "%%" if sign == "%" else sign for sign in program)
    return f'"{inside}"'


def filled(text: str, **values: object) -> str:
    """`text` with @NAME@ replaced by values."""
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def draw(file: Path, size: int) -> None:
    """The program's icon as a picture of `size` pixels, of the kind that the file's name says."""
    from PySide6.QtCore import QSize
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(QSize(size, size), QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    QSvgRenderer(str(ICON)).render(painter)
    painter.end()
    file.parent.mkdir(parents=True, exist_ok=True)
    if not image.save(str(file)):
        raise OSError(f"{file} cannot be written")


def main() -> int:
    """See the module's docstring."""
    if sys.argv[1:2] == ["--icon"] and len(sys.argv) == 4:
        draw(Path(sys.argv[2]), int(sys.argv[3]))
        return 0
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    prefix, program = Path(sys.argv[1]).expanduser(), Path(sys.argv[2]).absolute()
    for file in install(prefix, str(program)):
        print(file)
    for tool, folder in DATABASES:
        if shutil.which(tool):
            subprocess.run([tool, str(prefix / folder)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
