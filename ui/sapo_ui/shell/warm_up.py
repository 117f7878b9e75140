"""Loading what pages need before they are opened, while nobody waits for the window.

A page's modules are loaded where it is opened for the first time, which takes up to a fifth of a second of the thread
that draws. Some time after the window they are loaded here instead, one at a time with a pause after each: what knows
no Qt in the background, the others on the GUI thread, each after those that it needs.
"""

from __future__ import annotations

from importlib import import_module

from PySide6.QtCore import QObject, QTimer, Signal

from sapo_ui.features.new_run import warm_up as new_run
from sapo_ui.services import tasks

SOON_MS = 1500
"""So long after the window, when it has shown what it opens with."""

PAUSE_MS = 50

BEHIND = (
    "sapo_studio.app.annotation.bundles",
    "sapo_studio.app.annotation.agreement",
    "sapo_studio.app.annotation.queues",
    "sapo_studio.app.studies.audit",
    "sapo_studio.app.studies.shadow",
    "sapo_studio.app.benchmarks.making",
    "sapo_studio.app.run_queue.putting_in",
    "sapo_studio.store.queue_work",
    "sapo_studio.app.imports.scoring",
    "sapo_studio.app.exports.tables.columns",
    "sapo_studio.app.publishing.publication",
    "sapo_studio.app.benchmarks.evaluating",
    "sapo_studio.app.studies.verifier_page",
    "sapo_studio.app.html_report.page",
    *("pygments", "email.feedparser", "packaging.version"),  # of superqt
)
"""What knows no Qt, besides what the New run form needs."""

ANNOTATE = (
    *(f"sapo_ui.services.{name}" for name in ("bundles", "queues", "resolutions", "unfinished")),
    *(
        f"sapo_ui.features.annotate.{name}"
        for name in ("bundle_files", "new_queue", "conflict_list", "conflict_steps", "judge_buttons", "item_view")
    ),
    *(
        f"sapo_ui.features.annotate.{name}"
        for name in ("conflict_view", "people_column", "conflicts", "gold", "queue_column", "judge_page", "page")
    ),
)
AUDIT = (
    # superqt loads all that it has, and through qtpy a library for charts in three dimensions.
    *(f"PySide6.{name}" for name in ("QtOpenGL", "QtOpenGLWidgets", "QtDataVisualization")),
    *(f"qtpy.{name}" for name in ("QtCore", "QtGui", "QtWidgets")),
    "superqt",
    "sapo_ui.services.label_audit",
    *(f"sapo_ui.features.audit.{name}" for name in ("disagreements", "filter_card", "reward_card", "page")),
)
DIALOGS = (
    *(f"sapo_ui.features.imports.{name}" for name in ("import_dialog", "export_dialog", "score_dialog")),
    *("sapo_ui.features.exports.tables_dialog", "sapo_ui.features.publish.dialog", "sapo_ui.features.report.dialog"),
    "sapo_ui.features.evaluation.dialog",
)
OTHERS = ("sapo_ui.features.benchmarks.page", "sapo_ui.services.run_queue", "sapo_ui.features.run_queue.page")
IN_FRONT = (*new_run.WIDGETS, *ANNOTATE, *AUDIT, *DIALOGS, *OTHERS)
"""What knows Qt, each after those that it needs."""


class WarmUp(QObject):
    """Loads all of it, beginning some time after it is made. Ends with its parent."""

    ended = Signal()
    """Everything is loaded."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._left = [*IN_FRONT]
        self._between = QTimer(self)
        self._between.setInterval(PAUSE_MS)
        self._between.timeout.connect(self._load_one)
        soon = QTimer(self)
        soon.setSingleShot(True)
        soon.timeout.connect(self._begin)
        soon.start(SOON_MS)

    @property
    def done(self) -> bool:
        """Whether nothing is left to be loaded."""
        return not self._left

    def _begin(self) -> None:
        tasks.run(self, lambda store: _load_behind(), lambda _: self._between.start(), key="warm")

    def _load_one(self) -> None:
        import_module(self._left.pop(0))
        if not self._left:
            self._between.stop()
            self.ended.emit()


def _load_behind() -> None:
    """Load what knows no Qt. Takes some tenths of a second."""
    new_run.warm_up()
    for name in BEHIND:
        import_module(name)
