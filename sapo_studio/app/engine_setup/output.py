"""What pip and uv say: how far they are, and why they gave up."""

from __future__ import annotations

import re
from collections.abc import Sequence

_FAR = (
    (re.compile(r"^\s*Downloading (?:https?://\S*/)?(\S+?)(?:\.metadata)? \(([^()]+)\)"), "fetching {0} ({1})"),
    (re.compile(r"^Collecting ([^\s<>=!~;\[(@]+)"), "looking for {0}"),
    (re.compile(r"^Resolved (\d+) packages?"), "{0} packages to install"),
    (re.compile(r"^Prepared (\d+) packages?"), "{0} packages fetched"),
    (re.compile(r"^Installing collected packages: (.*)"), "putting the packages in place"),
    (re.compile(r"^Downloading (cpython\S*)"), "fetching {0}"),
)
_NOISE = re.compile(r"^\s*(?:WARNING|warning|\[notice\]|hint:|DEPRECATION)")

_BECAUSE = re.compile(r"(?:cause:|\u2570\u2500\u25b6)\s*(Because .*)")
"""The reason that uv gives below its error."""

_NETWORK = (
    "name resolution|NameResolutionError|Failed to fetch|error sending request|dns error|Connection refused|timed out"
    "|Max retries exceeded|NewConnectionError|Network is unreachable|ProxyError|client error \\(Connect\\)"
    "|network was disabled|SSLError|CERTIFICATE_VERIFY_FAILED"
)
_CAUSES = (
    (re.compile(r"No space left on device|not enough space|ENOSPC|os error 28"), "Free some space, then try again."),
    (
        re.compile(r"ensurepip is not available|No module named '?(?:venv|ensurepip)|python3[.\d]*-venv"),
        "That Python cannot make environments. Debian and Ubuntu: apt install python3-venv; or name another: --python.",
    ),
    (
        re.compile(r"No interpreter found|No download found for request|failed to download python", re.IGNORECASE),
        "No Python from 3.11 on was found. Install one (Debian: apt install python3 python3-venv; else python.org), or "
        "name it: --python.",
    ),
    (re.compile(_NETWORK), "Check the network or the proxy, then try again: it goes on where it was."),
    (
        re.compile(r"No matching distribution|No solution found|no version of|ResolutionImpossible|was not found in"),
        "Choose another Python (--python) or another source (--index, --torch-index, --wheels).",
    ),
)
ELSE = "Try again; with --anew from the beginning."


def how_far(line: str) -> str:
    """What is being done, by a line of pip or uv; empty where it does not say."""
    for pattern, words in _FAR:
        found = pattern.match(line)
        if found:
            return words.format(*found.groups())
    return ""


def cause(lines: Sequence[str]) -> tuple[str, str]:
    """(why, what to do) by the last lines of a program that failed."""
    said = [line.strip() for line in lines if line.strip() and not _NOISE.match(line)]
    text = "\n".join(lines)
    fix = next((advice for pattern, advice in _CAUSES if pattern.search(text)), ELSE)
    errors = [line for line in said if re.match(r"(?:ERROR|error|Error)\b|\S*Error:", line)]
    telling = [line for line in errors if "ResolutionImpossible" not in line]
    last = (telling or errors or said or ["It said nothing."])[-1]
    because = next((found[1] for line in said if (found := _BECAUSE.match(line))), "")
    if because:
        return (f"{last}. {because}" if errors else because), fix
    return last, fix
