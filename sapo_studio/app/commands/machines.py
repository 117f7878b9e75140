"""What a person has to start on other machines, for a run that waits for them."""

from __future__ import annotations

import shlex

from sapo_studio.app.commands.printing import say
from sapo_studio.config.machines import commands_by_hand
from sapo_studio.config.schema import RunConfig


def say_commands(config: RunConfig) -> None:
    """The command for each machine, where somebody has to give it (`runtime.launcher = "hand"`); to standard error."""
    for host, command in commands_by_hand(config.runtime):
        say(f"On {host} run: {shlex.join(command)}", error=True)
