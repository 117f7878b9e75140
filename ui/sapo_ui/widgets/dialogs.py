"""The few dialogs: help, shortcuts, about, and the questions before what cannot be undone."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QInputDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from sapo_studio.names import LONGEST, name_fault
from sapo_ui import theme
from sapo_ui.widgets.name_field import keep_to_a_name
from sapo_ui.widgets.plain_text import show_plainly


class TextDialog(QDialog):
    """A page of Markdown with a Close button. Does not block the window."""

    def __init__(self, title: str, markdown: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 460)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        self.page = QTextBrowser()
        self.page.setOpenExternalLinks(True)
        self.page.setFont(theme.font("body"))
        self.page.document().setDocumentMargin(12)
        self.page.setMarkdown(markdown)
        self.page.setAccessibleName(title)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column.addWidget(self.page)
        column.addWidget(buttons)


def ask(parent: QWidget, title: str, text: str, button: str, then: Callable[[], object]) -> QMessageBox:
    """Ask before something that cannot be undone; `then` is called where the user agrees. Does not block."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, title, parent=parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setInformativeText(text)
    show_plainly(box)
    agree = box.addButton(button, QMessageBox.ButtonRole.DestructiveRole)
    keep = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)

    def agreed(checked: bool = False) -> None:
        del checked
        then()

    agree.clicked.connect(agreed)
    label = box.findChild(QLabel, "qt_msgbox_label")
    if label is not None:
        label.setFont(theme.font("title"))
    box.open()
    return box


def tell(parent: QWidget, title: str, text: str) -> QMessageBox:
    """Say what was done, where nothing on the page shows it. Does not block."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, title, QMessageBox.StandardButton.Ok, parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setInformativeText(text)
    show_plainly(box)
    box.open()
    return box


def ask_name(
    parent: QWidget, title: str, label: str, value: str, then: Callable[[str], object], longest: int = LONGEST
) -> QInputDialog:
    """Ask for a name of at most `longest` characters; `then` is called with it where one is given. Does not block."""
    dialog = QInputDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    dialog.setLabelText(label)
    dialog.setTextValue(value)
    show_plainly(dialog)
    dialog.resize(380, dialog.height())

    def given(name: str) -> None:
        if not name_fault(name, longest) and name.strip() != value:
            then(name.strip())

    dialog.textValueSelected.connect(given)
    dialog.open()
    field, buttons = dialog.findChild(QLineEdit), dialog.findChild(QDialogButtonBox)
    if field is not None and buttons is not None:
        keep_to_a_name(field, longest)
        ok = buttons.button(QDialogButtonBox.StandardButton.Ok)

        # Behind Qt's own, which allows whatever is no empty text.
        def allow(name: str) -> None:
            ok.setEnabled(not name_fault(name, longest))

        dialog.textValueChanged.connect(allow)
    return dialog
