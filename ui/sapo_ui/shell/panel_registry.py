"""All panels of the run page, in the order of their tabs, and where each stands at first."""

from __future__ import annotations

from dataclasses import dataclass

from sapo_ui.features.hardware.panel import HardwarePanel
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.features.log.panel import LogPanel
from sapo_ui.features.metrics.accuracy import AccuracyPanel
from sapo_ui.features.metrics.cases import CasesPanel
from sapo_ui.features.metrics.gap import GapPanel
from sapo_ui.features.metrics.ledger import LedgerPanel
from sapo_ui.features.metrics.training import TrainingPanel
from sapo_ui.features.preferences.panel import PreferencesPanel
from sapo_ui.features.run_page.dock_area import Area
from sapo_ui.features.traces.panel import TracesPanel
from sapo_ui.features.traces.view import TraceView
from sapo_ui.panels.panel import Panel


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
