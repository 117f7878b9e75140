"""All panels of the run page. A panel is one file in features and one line here; its card or drawer, menus, help and
what is remembered of it follow from that."""

from __future__ import annotations

from sapo_ui.features.hardware.panel import HardwarePanel
from sapo_ui.features.heatmap.panel import HeatmapPanel
from sapo_ui.features.log.panel import LogPanel
from sapo_ui.features.metrics.accuracy import AccuracyPanel
from sapo_ui.features.metrics.cases import CasesPanel
from sapo_ui.features.metrics.gap import GapPanel
from sapo_ui.features.metrics.ledger import LedgerPanel
from sapo_ui.features.metrics.training import TrainingPanel
from sapo_ui.features.preferences.panel import PreferencesPanel
from sapo_ui.features.traces.reader import Reader
from sapo_ui.features.trust.matrix import MatrixPanel
from sapo_ui.features.trust.panel import TrustPanel
from sapo_ui.panels.panel import PanelSpec

PANELS: tuple[PanelSpec, ...] = (
    PanelSpec(HeatmapPanel, "main"),
    PanelSpec(GapPanel, "side"),
    PanelSpec(AccuracyPanel, "side"),
    PanelSpec(CasesPanel, "side"),
    PanelSpec(Reader, "read"),
    PanelSpec(LedgerPanel, "bottom"),
    PanelSpec(PreferencesPanel, "bottom"),
    PanelSpec(TrustPanel, "bottom"),
    PanelSpec(MatrixPanel, "bottom"),
    PanelSpec(TrainingPanel, "bottom"),
    PanelSpec(HardwarePanel, "bottom"),
    PanelSpec(LogPanel, "bottom"),
)
