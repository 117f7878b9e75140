"""An argument or option that is given as an empty text, as an unset shell variable gives it, is refused.

Taken as "not given" it would mean something else than was typed: `sapo restore "$BACKUP" --yes` the best backup.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from sapo_studio.errors import InputError


class NoEmptyTexts(TyperCommand):
    """A command of `sapo`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click. Raises InputError that names what was given without a text in it."""
        if not ctx.resilient_parsing:
            self._check(ctx, args)
        return super().parse_args(ctx, args)

    def _check(self, ctx: Any, args: list[str]) -> None:
        # As typed: click makes "." of an empty path, and defaults may be empty.
        typed: dict[str, Any] = self.make_parser(ctx).parse_args(list(args))[0]
        for parameter in self.get_params(ctx):
            given = typed.get(str(parameter.name))
            if "" in (given if isinstance(given, (list, tuple)) else (given,)):
                option = parameter.param_type_name == "option"
                name = max(parameter.opts, key=len) if option else str(parameter.metavar or parameter.name).upper()
                raise InputError(
                    f"{name.strip('[].')} is given as an empty text",
                    why="An empty text is neither a value nor left out; an unset shell variable gives one.",
                    fix="Give a value, or leave it out.",
                )
