"""The pages on what several people say: conflicts resolved by keyboard, agreement, gold items."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from sapo_studio.app.annotation.agreement import people_of
from sapo_studio.domain.judgements import first_error, first_error_here
from sapo_studio.store import annotations, queue_work
from sapo_studio.store.comments import write_comment
from sapo_studio.store.human_verdicts import human_first_errors
from sapo_studio.store.queue_items import Worker
from sapo_studio.store.queues import list_queues
from sapo_studio.store.resolutions import resolutions_of, resolve
from sapo_ui.features.annotate import agreement_card, gold_card
from sapo_ui.features.annotate.conflict_list import matter_of
from sapo_ui.features.annotate.conflicts import ConflictsPage
from sapo_ui.features.annotate.draft import Draft, agreed_steps
from sapo_ui.features.annotate.gold import GoldPage
from sapo_ui.services import resolutions as desk_module
from sapo_ui.services.annotations import annotation_events, set_annotator_name
from tests.fixtures.held import settled
from tests.fixtures.two_people import JONAS, MIRA, every_third_too_early, judge_all, judged_queue, truly
from tests.ui.queue_helpers import ENTER, ESCAPE

EVA = Worker("Eva", "window 3")


def opened(qtbot, store, kind=ConflictsPage, size=(1040, 700)):
    """The page over the newest queue, with what it shows first."""
    page = kind()
    qtbot.addWidget(page)
    page.resize(*size)
    page.show()
    page.activateWindow()
    page.show_queue(list_queues(store)[0])
    page.take_focus()
    return page


@pytest.fixture
def queue_id(store):
    """Mira is always right, Jonas sees an error in the first step of every third item."""
    set_annotator_name("Eva")
    return judged_queue(store)


@pytest.fixture
def page(qtbot, store, queue_id):
    made = opened(qtbot, store)
    at_work(qtbot, made)
    return made


def at_work(qtbot, page):
    """Wait until a conflict is in front and nothing is on its way."""
    qtbot.waitUntil(
        lambda: (
            page.draft is not None
            and page._evidence is not None
            and page._evidence.detail.id == page.draft.conflict.item.trajectory_id
            and not page.desk.busy
        )
    )


def press(qtbot, page, *keys):
    for key in keys:
        qtbot.keyClick(QApplication.focusWidget() or page, key)
        at_work(qtbot, page)


def holding(page):
    """The last column: what is to hold, by step."""
    return {card.step.number: card.step.holds for card in page.view.table.steps.cards}


def test_both_judgements_stand_side_by_side(qtbot, store, queue_id):
    set_annotator_name("Mira")
    page = opened(qtbot, store)
    at_work(qtbot, page)
    conflict = page.draft.conflict
    judged = conflict.item.judged
    assert page.view.table.head.accessibleName() == "Columns: Jonas, Mira, to hold"
    errors = judged.first_errors()
    for card in page.view.table.steps.cards:
        step = card.step
        assert step.said == (judged.steps["Jonas"][step.number], judged.steps["Mira"][step.number])
        assert step.first == (errors["Jonas"] == step.number, errors["Mira"] == step.number)
        assert step.differs == (step.number in judged.differing())
        assert (step.holds is None) == step.differs
        assert "Jonas: " in card.accessibleName()
    assert page.view.chosen == judged.differing()[0], "the first one that differs"
    assert f"Evidence on step {page.view.chosen}" in page.view.evidence.title.text()
    assert page.view.evidence.score.isVisibleTo(page)
    assert page.view.evidence.task.text.startswith("task: ")
    assert matter_of(conflict) == f"first error: 1 or {errors['Mira'] or 'none'}"
    assert not page.view.buttons["save"].isEnabled()


def test_a_judgement_is_taken_by_keyboard_and_taken_back(page, qtbot, store, queue_id):
    told = []
    annotation_events().judged.connect(lambda *args: told.append(args))
    counts = []
    page.counted.connect(counts.append)
    first = page.draft.conflict.item
    count = len(page.conflicts)
    theirs = annotations.current(store, first.trajectory_id)
    press(qtbot, page, Qt.Key.Key_1)
    assert holding(page) == first.judged.steps["Jonas"]
    press(qtbot, page, Qt.Key.Key_2)
    assert holding(page) == first.judged.steps["Mira"]
    assert page.view.buttons["second"].isChecked()
    press(qtbot, page, Qt.Key.Key_C)
    qtbot.keyClicks(QApplication.focusWidget(), "j k 1 2 s u n: only text")
    assert page.view.why.text() == "j k 1 2 s u n: only text"
    press(qtbot, page, ENTER)
    qtbot.waitUntil(lambda: page.draft.conflict.item.trajectory_id != first.trajectory_id)
    kept = resolutions_of(store, queue_id)[first.trajectory_id]
    assert (kept.resolver, kept.taken, kept.why) == ("Eva", "Mira", "j k 1 2 s u n: only text")
    assert kept.steps == first.judged.steps["Mira"]
    assert annotations.current(store, first.trajectory_id) == theirs
    at_work(qtbot, page)
    assert counts[-1] == count - 1
    assert (page.title.text(), page.resolved.text()) == (f"{count - 1} open", "1 resolved")
    assert page.view.why.text() == ""
    mira = first.judged.first_errors()["Mira"]
    assert told[-1] == (first.trajectory_id, mira)
    press(qtbot, page, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: page.draft.conflict.item.trajectory_id == first.trajectory_id)
    assert resolutions_of(store, queue_id) == {}
    assert counts[-1] == count
    annotation_events().judged.disconnect()


def test_a_key_that_is_held_down_counts_once(page, qtbot, store, queue_id):
    press(qtbot, page, "2", ENTER, "2", ENTER)
    assert len(resolutions_of(store, queue_id)) == 2
    for code, text in ((Qt.Key.Key_U, "u"), (Qt.Key.Key_Return, "\r"), (Qt.Key.Key_2, "2")):
        for at in range(6):
            QApplication.sendEvent(
                page, QKeyEvent(QEvent.Type.KeyPress, code, Qt.KeyboardModifier.NoModifier, text, at > 0)
            )
            at_work(qtbot, page)
    assert len(resolutions_of(store, queue_id)) == 1


def test_judging_anew_begins_with_what_they_agree_on(page, qtbot, store, queue_id):
    item = page.draft.conflict.item
    n = item.judged.n_steps
    press(qtbot, page, Qt.Key.Key_3)
    assert {step: said for step, said in holding(page).items() if said is not None} == agreed_steps(item.judged)
    press(qtbot, page, ENTER)
    qtbot.waitUntil(lambda: "does not say" in page.view.notice.text)
    assert page.draft.anew, "nothing is lost"
    while page.view.chosen > 1:
        press(qtbot, page, Qt.Key.Key_K)
    press(qtbot, page, Qt.Key.Key_J, Qt.Key.Key_E)
    assert holding(page) == first_error_here(n, 2)
    assert [card.step.number for card in page.view.table.steps.cards if card.step.first_holds] == [2]
    press(qtbot, page, Qt.Key.Key_K, Qt.Key.Key_2)
    assert holding(page)[1] == 0
    press(qtbot, page, Qt.Key.Key_U)
    assert holding(page) == first_error_here(n, 2)
    press(qtbot, page, ENTER)
    qtbot.waitUntil(lambda: item.trajectory_id in resolutions_of(store, queue_id))
    kept = resolutions_of(store, queue_id)[item.trajectory_id]
    assert (kept.taken, kept.first_error, kept.steps) == ("", 2, first_error_here(n, 2))
    assert human_first_errors(store, item.trajectory_id, item.trajectory_id) == {item.trajectory_id: 2}


def test_moving_about_and_leaving_open_keeps_nothing(page, qtbot, store, queue_id):
    ids = [one.item.trajectory_id for one in page.conflicts]
    assert len(ids) >= 2
    press(qtbot, page, Qt.Key.Key_J)
    assert page.draft.conflict.item.trajectory_id == ids[1]
    assert page.list.currentIndex().row() == 1
    press(qtbot, page, Qt.Key.Key_K, Qt.Key.Key_K)
    assert page.draft.conflict.item.trajectory_id == ids[0]
    press(qtbot, page, Qt.Key.Key_1, Qt.Key.Key_S)
    assert page.draft.conflict.item.trajectory_id == ids[1]
    press(qtbot, page, Qt.Key.Key_3, ESCAPE)
    assert page.draft.taken is None
    press(qtbot, page, ENTER)
    assert "Nothing is chosen" in page.view.notice.text
    last = len(page.view.table.steps.cards)
    for _ in range(last + 2):
        press(qtbot, page, Qt.Key.Key_Down)
    assert page.view.chosen == last
    assert f"step {last}" in page.view.evidence.title.text()
    press(qtbot, page, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: "no resolution of yours" in page.view.notice.text)
    assert resolutions_of(store, queue_id) == {}


def test_buttons_do_the_same(page, qtbot, store, queue_id):
    item = page.draft.conflict.item
    qtbot.mouseClick(page.view.buttons["first"], Qt.MouseButton.LeftButton)
    assert page.draft.taken == "Jonas"
    qtbot.mouseClick(page.view.buttons["save"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: item.trajectory_id in resolutions_of(store, queue_id))
    at_work(qtbot, page)
    page.list.setCurrentIndex(page.list.rows.index(len(page.conflicts) - 1))
    at_work(qtbot, page)
    assert page.draft.conflict.item.trajectory_id == item.trajectory_id
    assert page.view.held.text() == "Resolved by Eva, who took Jonas's judgement"
    assert holding(page) == item.judged.steps["Jonas"]


def test_what_they_wrote_and_what_others_do_meanwhile(page, qtbot, store, queue_id):
    item = page.draft.conflict.item
    write_comment(store, item.trajectory_id, 1, "Jonas", "half of\n72")
    write_comment(store, item.trajectory_id, 0, "Somebody", "not one of them")
    press(qtbot, page, Qt.Key.Key_J, Qt.Key.Key_K)
    assert page.view.wrote.text.text() == "Jonas, step 1: half of 72"
    press(qtbot, page, Qt.Key.Key_2)
    resolve(store, item.trajectory_id, "Mira", item.judged.steps["Jonas"], taken="Jonas", why="sorry")
    page.refresh()
    qtbot.waitUntil(lambda: page.view.held.text() == "Resolved by Mira, who took Jonas's judgement: sorry")
    assert page.draft.taken == "Mira", "what was begun stays"


def test_all_resolved(page, qtbot, store):
    count = len(page.conflicts)
    for _ in range(count):
        open_before = page.title.text()
        press(qtbot, page, Qt.Key.Key_2, ENTER)
        qtbot.waitUntil(lambda before=open_before: page.title.text() != before)
        at_work(qtbot, page)
    assert (page.title.text(), page.resolved.text()) == ("No conflicts left", f"{count} resolved")
    assert page.draft.conflict.resolution is not None


def test_a_third_person_has_a_button(page, qtbot, store, queue_id):
    judge_all(store, queue_id, EVA, truly)
    page.refresh()
    qtbot.waitUntil(lambda: page.view.table.head.accessibleName() == "Columns: Eva, Jonas, Mira, to hold")
    qtbot.mouseClick(page.view.more["Mira"], Qt.MouseButton.LeftButton)
    assert page.draft.taken == "Mira"
    press(qtbot, page, "1")
    assert page.draft.taken == "Eva"
    press(qtbot, page, "4")
    assert page.draft.taken == "Mira"
    press(qtbot, page, "5")
    assert page.draft.taken == "Mira", "there is no fourth person"
    assert page.people.agreement.who.count() == 3
    page.people.agreement.who.setCurrentIndex(1)
    assert page.people.agreement.caption.text() == "Steps: Eva down, Mira across"
    assert page.people.agreement.same.value.text() == "1.00"


def test_names_of_any_kind(qtbot, store):
    names = ["undo", "x" * 300, "<b>two\nlines</b> " * 20]
    people = [
        (Worker(name, name[:9]), says) for name, says in zip(names, (truly, every_third_too_early, truly), strict=True)
    ]
    judged_queue(store, people)
    page = opened(qtbot, store)
    at_work(qtbot, page)
    press(qtbot, page, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: "no resolution of yours" in page.view.notice.text)
    assert page.draft.taken is None, "undo is a key, whoever is called so"
    for shown in (page.view, page.people.widget()):
        assert shown.minimumSizeHint().width() <= shown.width()
    button = page.view.more["x" * 300]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert page.draft.taken == "x" * 300
    assert button.text() == "x" * 15 + "\u2026's"


def test_one_person_has_no_kappa(qtbot, store):
    judged_queue(store, [(MIRA, truly)])
    page = opened(qtbot, store)
    qtbot.waitUntil(lambda: "second person" in page.message.words.message)
    assert page.people.agreement.alone.text() == agreement_card.ALONE
    assert page.people.agreement.alone.isVisibleTo(page)
    assert not page.people.agreement.table.isVisibleTo(page)


def test_two_who_agree_have_no_conflict(qtbot, store):
    judged_queue(store, [(MIRA, truly), (JONAS, truly)])
    page = opened(qtbot, store)
    qtbot.waitUntil(lambda: "No conflicts" in page.message.words.message)
    assert "the same 9 trajectories" in page.message.words.message
    card = page.people.agreement
    assert card.same.value.text() == "1.00"
    assert card.kappa_steps.accessibleName() == "Cohen's kappa, steps: 1.00", "no interval"
    assert card.counted.text().startswith("9 trajectories, ")


def test_a_low_window_has_the_conflict_and_no_agreement(qtbot, store, queue_id):
    page = opened(qtbot, store, size=(700, 430))
    at_work(qtbot, page)
    assert not page.people.isVisibleTo(page)
    assert page.view.table.steps.in_view
    for button in page.view.buttons.values():
        if button.isVisibleTo(page):
            assert page.rect().contains(button.mapTo(page, button.rect().bottomRight()))


def test_gold_items(qtbot, store):
    set_annotator_name("Mira")
    queue_id = judged_queue(store, [(MIRA, truly)], size=12, gold_rate=1.0)
    judge_all(store, queue_id, JONAS, lambda *_: 1)
    page = opened(qtbot, store, GoldPage)
    qtbot.waitUntil(lambda: page.rows.rowCount() == 12)
    mira, jonas = page.people.gold.people[1], page.people.gold.people[0]
    assert "Mira: first error exact 12 of 12" in mira.accessibleName()
    assert not mira.bias.text
    assert jonas.bias.text.startswith("Jonas calls ")
    row = next(at for at, item in enumerate(page.rows.items) if item.gold != 1)
    item = page.rows.items[row]
    page.table.selectRow(row)
    qtbot.waitUntil(lambda: [card.step.said for card in page.steps.steps.cards[:1]] == [(-1, 1)])
    assert page.steps.steps.cards[0].step.differs
    known = [card.step.holds for card in page.steps.steps.cards]
    assert known == [
        None if item.gold and at > item.gold else -1 if at == item.gold else 1 for at in range(1, len(known) + 1)
    ]
    cell = page.rows.index(row, page.rows.people.index("Jonas") + 2)
    assert cell.data() == "1"
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole) == "Jonas: 1, not the known one"


def test_mistakes_with_gold_items_are_asked_for_from_the_card(qtbot, store):
    set_annotator_name("Mira")
    queue_id = judged_queue(store, [(MIRA, truly)], size=12, gold_rate=1.0)
    judge_all(store, queue_id, JONAS, every_third_too_early)
    page = opened(qtbot, store)
    at_work(qtbot, page)
    jonas, mira = page.people.gold.people
    assert mira.show_them.isHidden()
    with qtbot.waitSignal(page.turned) as told:
        jonas.show_them.click()
    assert told.args == ["gold", "Jonas"]
    gold = opened(qtbot, store, GoldPage)
    qtbot.waitUntil(lambda: gold.rows.rowCount() == 12)
    gold.show_person("Jonas")
    assert gold.title.text() == "Judged wrongly by Jonas"
    wrong = [item for item in people_of(store, queue_id).items if item.place % 3 == 0 and item.gold != 1]
    assert [item.item_id for item in gold.rows.items] == [item.item_id for item in wrong]
    gold.everybody.click()
    assert gold.rows.rowCount() == 12
    gold.people.gold.people[0].show_them.click()
    assert gold.rows.rowCount() == len(wrong)


def test_gold_items_that_one_has_still_to_judge_are_not_listed(qtbot, store):
    set_annotator_name("Eva")
    queue_id = judged_queue(store, [(MIRA, truly), (JONAS, every_third_too_early)], size=12, gold_rate=0.5)
    page = opened(qtbot, store, GoldPage)
    qtbot.waitUntil(lambda: "6 items that others have saved wait for you" in page.message.words.message)
    assert not page.rows.items
    item = queue_work.next_item(store, queue_id, EVA)
    while people_of(store, queue_id).items[item.place - 1].gold is None:
        queue_work.skip_item(store, item.id, EVA)
        item = queue_work.next_item(store, queue_id, EVA)
    queue_work.skip_item(store, item.id, EVA)
    page.refresh()
    qtbot.waitUntil(lambda: [one.item_id for one in page.rows.items] == [item.id])
    assert page.unseen.text() == "5 items not listed: you have still to judge them."
    page.reveal.click()
    assert page.rows.rowCount() == 6
    assert page.unseen.isHidden()


def test_no_gold_items(qtbot, store, queue_id):
    page = opened(qtbot, store, GoldPage)
    qtbot.waitUntil(lambda: "No gold items" in page.message.words.message)
    assert page.people.gold.empty.text() == gold_card.NONE


def test_a_draft_of_nothing_holds_what_all_agree_on(store, queue_id):
    conflict = people_of(store, queue_id).conflicts[0]
    draft = Draft(conflict)
    texts = ["x"] * conflict.item.judged.n_steps
    assert {row.number: row.holds for row in draft.rows(texts) if row.holds is not None} == agreed_steps(
        conflict.item.judged
    )
    assert not any(row.first_holds for row in draft.rows(texts))
    draft.take("Mira")
    held = {row.number: row.holds for row in draft.rows(texts)}
    assert first_error(held, len(texts)) == conflict.item.judged.first_errors()["Mira"]
    assert not draft.undo()
    assert every_third_too_early(3, 5, 2) == 1


def test_a_look_from_before_a_resolution_does_not_open_the_conflict_again(page, qtbot, store, queue_id, hold):
    count = sum(one.resolution is None for one in page.conflicts)
    held = hold(desk_module, "people_of")
    page.refresh()
    qtbot.waitUntil(lambda: len(held.found) == 1)
    press(qtbot, page, Qt.Key.Key_1)
    press(qtbot, page, ENTER)
    qtbot.waitUntil(lambda: sum(one.resolution is None for one in page.conflicts) == count - 1)
    seen = []
    page.counted.connect(seen.append)
    held.let_go()
    qtbot.waitUntil(lambda: len(held.found) == 3)
    settled(qtbot)
    assert set(seen) == {count - 1}
    assert sum(one.resolution is None for one in page.conflicts) == count - 1


def test_who_goes_on_while_a_resolution_is_written_stays_there(page, qtbot, store, queue_id, hold):
    held = hold(desk_module, "human_first_errors")
    press(qtbot, page, Qt.Key.Key_1)
    qtbot.keyClick(page, ENTER)
    qtbot.waitUntil(lambda: len(held.found) == 1)
    wanted = page.conflicts[2].item.trajectory_id
    page.list.chosen.emit(2)
    held.let_go()
    qtbot.waitUntil(lambda: not page.desk.busy)
    settled(qtbot)
    at_work(qtbot, page)
    assert page.draft.conflict.item.trajectory_id == wanted


def test_the_gold_item_that_is_read_stays_while_others_are_saved(qtbot, store):
    set_annotator_name("Mira")
    queue_id = judged_queue(store, [(MIRA, truly)], size=12, gold_rate=1.0)
    judge_all(store, queue_id, JONAS, lambda *_: 1)
    page = opened(qtbot, store, GoldPage)
    qtbot.waitUntil(lambda: page.rows.rowCount() == 12)
    page.table.selectRow(5)
    wanted = page.rows.items[5].item_id
    first = page.rows.items[0].item_id
    store.execute("UPDATE item_states SET status = 'skipped' WHERE item_id = ?", (first,))
    page.refresh()
    qtbot.waitUntil(lambda: page.rows.rowCount() == 11)
    assert page.rows.items[page.table.currentIndex().row()].item_id == wanted
