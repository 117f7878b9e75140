"""Whether Qt can show a window on this machine. It is tried in a child process: where Qt cannot, it aborts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

PACKAGES = {
    "apt install": (
        "libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 "
        "libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1"
    ),
    "dnf install": (
        "libglvnd-egl libglvnd-glx glib2 dbus-libs fontconfig libxkbcommon-x11 libxcb xcb-util-cursor xcb-util-wm "
        "xcb-util-image xcb-util-keysyms xcb-util-renderutil"
    ),
    "pacman -S": (
        "libglvnd glib2 dbus fontconfig libxkbcommon-x11 libxcb xcb-util-cursor xcb-util-wm xcb-util-image "
        "xcb-util-keysyms xcb-util-renderutil"
    ),
}
"""What Qt needs of the system, by the command that installs it: Debian and Ubuntu, Fedora, Arch."""

PROBE = (sys.executable, "-P", "-m", "sapo_ui.app", "--try-display")
PROBE_SECONDS = 30.0
_MISSING = re.compile(r"\b(lib[\w.+-]+?\.so[.\d]*): cannot open shared object file")
_UNREACHED = re.compile(r"could not connect to display|Failed to create wl_display", re.IGNORECASE)


@dataclass(frozen=True)
class Fault:
    """Why no window can be shown: one sentence. `libraries`: it is the system's libraries that are missing."""

    sentence: str
    libraries: bool


def has_display() -> bool:
    """Whether Qt has something to draw on."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def window_fault(probe: tuple[str, ...] = PROBE) -> Fault | None:
    """Why Qt cannot show a window here, tried with its platform plug-in; None where it can, or cannot be tried.

    Without a display the plug-in for X is tried, which tells missing libraries from a missing display.
    """
    environment = {**os.environ, "QT_DEBUG_PLUGINS": "1"}
    if not has_display():
        environment["QT_QPA_PLATFORM"] = "xcb"
    try:
        tried = subprocess.run(
            probe, env=environment, capture_output=True, errors="replace", check=False, timeout=PROBE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if tried.returncode == 0 else explain(tried.stderr)


def explain(said: str) -> Fault | None:
    """The fault in what Qt said before it gave up; None where that is another one than the system's."""
    missing = sorted(set(_MISSING.findall(said)))
    if not missing and "is needed to load the Qt xcb platform plugin" in said:
        missing = ["libxcb-cursor.so.0"]
    if _UNREACHED.search(said):
        place = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "none is named"
        return Fault(f"The display ({place}) cannot be reached: start it, or use the command line.", libraries=False)
    if missing or "Qt platform plugin" in said:
        lacks = f" ({', '.join(missing)})" if missing else ""
        ways = " or ".join(f"`{command} {names}`" for command, names in PACKAGES.items())
        sentence = f"Qt's platform plug-in lacks libraries of the system{lacks}: install them with {ways}."
        return Fault(sentence, libraries=True)
    return None
