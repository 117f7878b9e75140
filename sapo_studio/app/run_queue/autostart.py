"""How the queue goes on by itself when somebody logs in."""

from __future__ import annotations

from pathlib import Path

from sapo_studio import paths


def unit(python: str, home: Path) -> str:
    """A systemd user unit that looks after the queue of the data folder `home`."""
    return f"""\
# SAPO Studio: the queue of runs goes on after a restart.
#   systemctl --user daemon-reload && systemctl --user enable sapo-queue
# To go on before anybody logs in:  loginctl enable-linger
[Unit]
Description=SAPO Studio, queue of runs

[Service]
Type=exec
KillMode=process
Environment="{paths.HOME_VARIABLE}={home}"
ExecStart="{python}" -m sapo_studio.app.run_queue

[Install]
WantedBy=default.target
"""
