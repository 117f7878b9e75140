"""Text from data stays text in the window: no label, tooltip or dialog takes it for HTML."""

import json
import re
from pathlib import Path

from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt
from PySide6.QtGui import Qt as GuiQt
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QMessageBox, QWidget

import sapo_ui
from sapo_ui.shell.panel_registry import PANELS
from sapo_ui.widgets import dialogs
from sapo_ui.widgets.plain_text import plain_tip
from tests.fixtures.synthetic import synthetic_run

NASTY = "<b>&amp;</b> [red]<img src='x'>"
TAG = re.compile(r"<(b|img)\b")


def tips_of(model: QAbstractItemModel | None):
    if model is None:
        return
    for row in range(min(model.rowCount(QModelIndex()), 50)):
        for column in range(20):
            index = model.index(row, column)
            found = index.data(Qt.ItemDataRole.ToolTipRole) if index.isValid() else None
            if isinstance(found, str):
                yield found


def texts_taken_for_html():
    """Every text of the program's widgets that Qt would render and that holds a tag of the data's."""
    found = []
    for widget in QApplication.allWidgets():
        if isinstance(widget, QLabel) and TAG.search(widget.text()):
            rich = widget.textFormat() is not Qt.TextFormat.PlainText
            found += [("label", widget.text())] if rich else []
        tips = [widget.toolTip()]
        if isinstance(widget, QAbstractItemView):
            tips += tips_of(widget.model())
        found += [("tooltip", tip) for tip in tips if GuiQt.mightBeRichText(tip) and TAG.search(tip)]
    return found


def shown_texts():
    labels = [widget.text() for widget in QApplication.allWidgets() if isinstance(widget, QLabel)]
    tips = [tip for w in QApplication.allWidgets() if isinstance(w, QAbstractItemView) for tip in tips_of(w.model())]
    return labels, tips


def test_no_label_tooltip_or_dialog_takes_data_for_html(qtbot, open_window, store, select):
    run_id = synthetic_run(store, name=NASTY, trajectories=24, questions=8)
    with store.atomic():
        store.execute("UPDATE questions SET text = ?, solution = ?", (NASTY, NASTY))
        for identity, steps in list(store.rows("SELECT id, steps FROM trajectories")):
            changed = json.dumps([NASTY for _ in json.loads(steps)])
            store.execute("UPDATE trajectories SET steps = ?, answer = ? WHERE id = ?", (changed, NASTY, identity))
        store.execute("UPDATE events SET message = ?", (NASTY,))
    window = open_window(PANELS)
    select(window, run_id)
    qtbot.waitUntil(lambda: any("&amp;" in tip.replace("&amp;amp;", "&amp;") for tip in shown_texts()[1]))
    window.actions_["run.delete"].trigger()
    window.actions_["run.rename"].trigger()
    dialogs.ask(window, NASTY, NASTY, "Go on", lambda: None)
    dialogs.ask_name(window, NASTY, NASTY, NASTY, lambda _: None)
    window.show_error(OSError(NASTY))
    labels, _ = shown_texts()
    assert sum(NASTY in text for text in labels) >= 4, "the walk has met the data"
    assert texts_taken_for_html() == []
    for box in [w for w in QApplication.topLevelWidgets() if isinstance(w, QWidget) and w is not window]:
        if isinstance(box, QMessageBox) or box.inherits("QInputDialog"):
            box.close()


def test_tips_are_escaped_where_qt_would_take_them_for_html():
    assert plain_tip("a & b &amp; c") == "a & b &amp; c"
    assert "&lt;b&gt;&amp;amp;" in plain_tip("<b>&amp;")
    assert GuiQt.mightBeRichText(plain_tip("<b>&amp;")), "what is escaped has to be read as HTML"


def test_labels_are_made_by_the_helper():
    folder = Path(sapo_ui.__file__).parent
    bare = [
        str(file.relative_to(folder))
        for file in folder.rglob("*.py")
        if re.search(r"\bQLabel\(", file.read_text("utf-8"))
    ]
    assert bare == [], "QLabel guesses: PlainLabel is used"
