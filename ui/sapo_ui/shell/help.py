"""What the Help menu opens: every shortcut, and about the program. Panels and pages bring their own help."""

from __future__ import annotations

from sapo_ui.services.actions import Actions
from sapo_ui.shell.crash import package_versions


def shortcuts_text(actions: Actions) -> str:
    """Every shortcut, as Markdown."""
    lines = ["### Keyboard shortcuts", "", "| Keys | Action |", "|---|---|"]
    lines += [
        f"| {spec.shortcut} | {spec.text.rstrip(chr(0x2026))}{' (in the list of runs)' if spec.local else ''} |"
        for spec in actions.specs
        if spec.shortcut
    ]
    lines += [
        "| J / K | Next / previous row of a list |",
        "| Enter | Open the row |",
        "| Esc | Back |",
        "| Left / Right | Previous / next phase, on the timeline |",
    ]
    return "\n".join(lines)


def about_text() -> str:
    """Versions and licences, as Markdown."""
    versions = "\n".join(f"| {name} | {number} |" for name, number in package_versions().items())
    return (
        "### SAPO Studio\n\nMakes a small language model reason better by self-adaptive process optimisation, and "
        f"shows where its reasoning breaks.\n\nApache License 2.0.\n\n| | |\n|---|---|\n{versions}\n\n"
        "Typefaces: Inter and JetBrains Mono, SIL Open Font License 1.1. Qt through PySide6, LGPL 3."
    )
