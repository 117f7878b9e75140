"""All panels of the run page, in the order of their tabs, and where each stands at first."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_ui.panel import Panel
from sapo_ui.views.accuracy_panel import AccuracyPanel
from sapo_ui.views.cases_panel import CasesPanel
from sapo_ui.views.dock_area import Area
from sapo_ui.views.gap_panel import GapPanel
from sapo_ui.views.hardware_panel import HardwarePanel
from sapo_ui.views.heatmap_panel import HeatmapPanel
from sapo_ui.views.ledger_panel import LedgerPanel
from sapo_ui.views.log_panel import LogPanel
from sapo_ui.views.preferences_panel import PreferencesPanel
from sapo_ui.views.trace_view import TraceView
from sapo_ui.views.traces_panel import TracesPanel
from sapo_ui.views.training_panel import TrainingPanel


@dataclass(frozen=True)
class PanelSpec:
    """A panel and the area it stands in at first."""

    panel: type[Panel]
    area: Area


SPECS: tuple[PanelSpec, ...] = (
    PanelSpec(HeatmapPanel, "main"),
    PanelSpec(GapPanel, "side"),
    PanelSpec(AccuracyPanel, "side"),
    PanelSpec(CasesPanel, "side"),
    PanelSpec(TracesPanel, "bottom"),
    PanelSpec(TraceView, "main"),
    PanelSpec(LedgerPanel, "bottom"),
    PanelSpec(PreferencesPanel, "bottom"),
    PanelSpec(TrainingPanel, "bottom"),
    PanelSpec(HardwarePanel, "bottom"),
    PanelSpec(LogPanel, "bottom"),
)

PANELS: list[type[Panel]] = [spec.panel for spec in SPECS]
AREAS: dict[str, Area] = {spec.panel.panel_id: spec.area for spec in SPECS}
