"""What no command takes, whatever its options say.

An empty text, as an unset shell variable gives it: taken as "not given" it would mean something else than was typed
(`sapo restore "$BACKUP" --yes` the best backup). NaN: it lies in every range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.core import TyperCommand

from sapo_studio.errors import InputError


class CheckedCommand(TyperCommand):
    """A command of `sapo`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click. Raises InputError that names what was given without a text in it, or as no number."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        self._check_texts(ctx, args)
        left = super().parse_args(ctx, args)
        self._check_numbers(ctx)
        return left

    def _check_numbers(self, ctx: Any) -> None:
        for parameter in self.get_params(ctx):
            given = ctx.params.get(parameter.name)
            if isinstance(given, float) and math.isnan(given):
                raise InputError(f"{_called(parameter)} is not a number", fix="Give one, or leave it out.")

    def _check_texts(self, ctx: Any, args: list[str]) -> None:
        # As typed: click makes "." of an empty path, and defaults may be empty.
        typed: dict[str, Any] = self.make_parser(ctx).parse_args(list(args))[0]
        for parameter in self.get_params(ctx):
            given = typed.get(str(parameter.name))
            if "" in (given if isinstance(given, (list, tuple)) else (given,)):
                raise InputError(
                    f"{_called(parameter)} is given as an empty text",
                    why="An empty text is neither a value nor left out; an unset shell variable gives one.",
                    fix="Give a value, or leave it out.",
                )


def add_group(app: typer.Typer, name: str, group: typer.Typer, commands: Mapping[str, Callable[..., Any]]) -> None:
    """Add these commands to `app` as `name COMMAND`."""
    for called, command in commands.items():
        group.command(called, cls=CheckedCommand)(command)
    app.add_typer(group, name=name)


def _called(parameter: Any) -> str:
    """What a person calls an option or argument."""
    option = parameter.param_type_name == "option"
    name = max(parameter.opts, key=len) if option else str(parameter.metavar or parameter.name).upper()
    return name.strip("[].")
