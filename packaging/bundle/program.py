"""What the packaged programs begin with: `sapo-studio`, the window, and `sapo`, the command line, out of one folder.

The program starts itself again for some work, as `PYTHON -P -m MODULE`; packaged, it is itself that Python, for those
modules alone.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import MutableMapping
from pathlib import Path

MODULES = ("sapo_studio.cli", "sapo_studio.app.run_queue", "sapo_ui.app")
"""What the program starts itself with."""
COMMAND_LINE = "sapo"
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LIBPATH")


def main() -> int:
    """Start what is asked for. Returns the exit code."""
    mend(os.environ)
    asked = sys.argv[1:]
    if asked[:2] == ["-P", "-m"]:
        module = asked[2] if len(asked) > 2 else ""
        if module not in MODULES:
            print(f"{sys.argv[0]} is no Python: it has no {module or 'module to run'}.", file=sys.stderr)
            return 2
        sys.argv = [sys.argv[0], *asked[3:]]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return 0
    if Path(sys.executable).stem == COMMAND_LINE:
        from sapo_studio import cli

        cli.main()
        return 0
    from sapo_ui import app

    return app.main()


def mend(environment: MutableMapping[str, str]) -> None:
    """Undo what the packaged program's loader does to it, for programs that are started from here: engines and browsers
    have libraries of their own."""
    for name in _LIBRARY_PATHS:
        before = environment.pop(f"{name}_ORIG", None)
        if before is not None:
            environment[name] = before
        elif name in environment and getattr(sys, "_MEIPASS", "") in environment[name].split(os.pathsep):
            del environment[name]
    environment["PYINSTALLER_RESET_ENVIRONMENT"] = "1"  # and when it starts itself, the loader begins anew


if __name__ == "__main__":
    sys.exit(main())
