"""What the New run form needs before it can open at once: loaded in the background, some time after the window."""

from __future__ import annotations

from importlib import import_module

NEEDED = (
    "sapo_studio.forecast",
    "sapo_studio.app.set_up.data_look",
    "sapo_studio.app.set_up.missing",
    "sapo_studio.app.set_up.model_check",
    "sapo_studio.app.set_up.model_look",
)
"""The modules behind the form that take long to load; none of them knows Qt."""


WIDGETS = (
    "sapo_ui.widgets.flow_layout",
    "sapo_ui.widgets.charts.cost_bars",
    *(
        f"sapo_ui.features.new_run.{name}"
        for name in ("pickers", "field_row", "section", "form", "index", "help_panel", "review_bars", "review_card")
    ),
    *(f"sapo_ui.features.new_run.{name}" for name in ("launch_card", "card_tiles", "data_preview", "checks")),
    *(f"sapo_ui.features.new_run.{name}" for name in ("form_state", "draft_keeper", "form_files", "top_bar", "page")),
)
"""The form's own modules, each after those that it needs: loaded one at a time on the GUI thread, some milliseconds
each."""


def warm_up() -> None:
    """Load them, and make the form's fields of the configuration's schema. Takes some tenths of a second; not for the
    GUI thread."""
    for name in NEEDED:
        import_module(name)
    from sapo_ui.features.new_run import form_spec

    form_spec.fields()
