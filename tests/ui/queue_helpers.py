"""Helpers of the tests of the Annotate page: opening it, pressing keys, and what the store has then."""

from __future__ import annotations

from PySide6.QtCore import Qt

from sapo_studio.domain.judgements import no_error
from sapo_studio.store import annotations, queue_work
from sapo_studio.store.queue_items import Worker
from sapo_ui.features.annotate.judge_page import JudgePage

ENTER, ESCAPE = Qt.Key.Key_Return, Qt.Key.Key_Escape


def open_page(qtbot, queue, size=(1040, 700)):
    """The page over this queue, with an item on the desk and the focus."""
    page = JudgePage()
    qtbot.addWidget(page)
    page.resize(*size)
    page.show()
    page.activateWindow()
    page.show_queue(queue)
    page.take_focus()
    qtbot.waitUntil(lambda: page.desk.open_item is not None)
    settled(qtbot, page)
    return page


def settled(qtbot, page):
    """Wait until everything that was pressed is done, and what follows is read."""
    qtbot.waitUntil(lambda: not page.desk.busy and not page._pending)


def press(qtbot, page, *keys):
    """Press keys as a person would: letters, or Qt's names of others."""
    for key in keys:
        qtbot.keyClick(page, key)
    settled(qtbot, page)


def said(store, trajectory_id, who="Mira"):
    """Judgements by step that stand: (judgement, filled)."""
    found = annotations.current(store, trajectory_id)
    return {one.step: (one.judgement, one.filled) for one in found if one.annotator == who}


def save_as(store, queue, name, count):
    """Another person judges the first items of the queue."""
    worker = Worker(name, f"window of {name}")
    for _ in range(count):
        item = queue_work.next_item(store, queue.id, worker)
        n = store.value("SELECT n_steps FROM trajectories WHERE id = ?", (item.trajectory_id,))
        queue_work.judge(store, item.id, worker, no_error(n))
        queue_work.save_item(store, item.id, worker)
