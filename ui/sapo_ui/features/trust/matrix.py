"""The matrix V_i x M_j: how far each verifier agrees with each reasoner's rollouts. Measured when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QPushButton

from sapo_studio.app.studies import self_verification_matrix as matrices
from sapo_studio.app.studies.self_verification_matrix import Cell
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.metric_catalog import METRICS
from sapo_studio.store.db import Store
from sapo_ui.features.trust.matrix_cells import MatrixCells
from sapo_ui.panels import emptiness
from sapo_ui.panels.data_panel import DataPanel
from sapo_ui.services.engine_study import EngineStudy
from sapo_ui.widgets.labels import label
from sapo_ui.wording import told

ERROR = METRICS["self_verification_error"]


class MatrixPanel(DataPanel):
    """Cells, and a button that measures them, or ends the measuring."""

    panel_id = "matrix"
    title = "V \u00d7 M matrix"
    help = (
        f"### V \u00d7 M matrix\n\n{ERROR.title} of every verifier V_i with the trajectories of every reasoner M_j: "
        f"{ERROR.meaning}. The diagonal is what the run itself saw; a row says how far a verifier still fits the "
        "reasoners that come after it.\n\nIt takes rollouts of every reasoner, so it is measured when it is asked for, "
        "as `sapo evaluate RUN --matrix` does. The run stays as it is.\n"
    )
    empty_headline = "No verifier is trained yet"
    empty_text = "Once there is one, its matrix can be measured here."

    def __init__(self) -> None:
        super().__init__()
        self._trouble = ""
        self.cells = MatrixCells()
        self.note = label("", "small", "muted", wrap=True)
        self.button = QPushButton("Measure")
        self.button.clicked.connect(self._pressed)
        self.study = EngineStudy(self)
        self.study.ended.connect(self._ended)
        self.study.failed.connect(self._failed)
        below = QHBoxLayout()
        below.addWidget(self.note, 1)
        below.addWidget(self.button)
        self.column.addWidget(self.cells, 1)
        self.column.addLayout(below)

    def why_never(self, config: RunConfig) -> str:
        return emptiness.no_verifier(config)

    def clear(self) -> None:
        self._trouble = ""
        self.cells.show_cells(())

    def load(self, run_id: str) -> None:
        def work(store: Store) -> tuple[int, Sequence[Cell]]:
            return len(matrices.trained_verifiers(store, run_id)), matrices.kept(store.run_dir(run_id))

        self.read(work, self._take)

    def _take(self, found: tuple[int, Sequence[Cell]]) -> None:
        verifiers, cells = found
        self.cells.show_cells(cells)
        self.cells.setVisible(bool(cells))
        mine = self.study.measures(self.run_id)
        measured = {cell.verifier for cell in cells}
        if mine:
            self.note.setText("Rolling out from every reasoner's trajectories. This takes a while.")
        elif self._trouble:
            self.note.setText(self._trouble)
        elif not cells:
            self.note.setText("Not measured. It takes rollouts of every reasoner, as long as labeling them once more.")
        elif len(measured) < verifiers:
            self.note.setText(f"{ERROR.title}. {verifiers - len(measured)} verifiers came after it was measured.")
        else:
            self.note.setText(f"{ERROR.title}: verifiers down, reasoners across.")
        self.button.setText("Cancel" if mine else "Measure again" if cells else "Measure")
        self.button.setEnabled(mine or not self.study.running)
        self.set_filled(verifiers > 0)

    def _pressed(self) -> None:
        run_id = self.run_id
        if self.study.running:
            self.study.cancel()
        elif run_id is not None:
            self._trouble = ""
            self.study.measure(
                run_id,
                lambda store: matrices.ask_for(store, run_id),
                lambda store, found: matrices.keep(store.run_dir(run_id), found),
            )
            self.load(run_id)

    def _ended(self) -> None:
        if self.run_id is not None:
            self.load(self.run_id)

    def _failed(self, error: Exception) -> None:
        if self.study.about != self.run_id:
            return  # another run is looked at by now
        self._trouble = told(error)
        self.note.setText(self._trouble)
