"""What is known of the verifiers: their scores, and where it was measured, every verifier with every reasoner."""

from __future__ import annotations

from sapo_studio.app.html_report.markup import Element, table
from sapo_studio.app.html_report.score_map import score_maps
from sapo_studio.app.html_report.subject import Subject
from sapo_studio.app.studies import self_verification_matrix


def verifier(subject: Subject) -> list[Element]:
    """Heatmaps, and the matrix of self-verification errors where somebody has had it measured."""
    return [*score_maps(subject), *_matrix(subject)]


def _matrix(subject: Subject) -> list[Element]:
    cells = self_verification_matrix.kept(subject.store.run_dir(subject.run.id))
    if not cells:
        return []
    by_place = {(cell.verifier, cell.reasoner): cell for cell in cells}
    reasoners = sorted({cell.reasoner for cell in cells})
    rows: list[list[str]] = []
    for i in sorted({cell.verifier for cell in cells}):
        row = [f"V{i}"]
        for j in reasoners:
            cell = by_place.get((i, j))
            row.append(
                "\u2013"
                if cell is None
                else f"{100 * cell.value:.1f} ({100 * cell.low:.1f}\u2013{100 * cell.high:.1f})"
            )
        rows.append(row)
    caption = "Self-verification error of each verifier with each reasoner, %"
    note = "Share of M_j's trajectories whose labels by V_i self-verification with M_j changes; 95 % intervals."
    return [table(("", *(f"M{j}" for j in reasoners)), rows, caption=caption, note=note, class_="numbers")]
