"""A field for a name: one line, in which nothing stands that does not show."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit

from sapo_studio.names import LONGEST, name_fault, one_line


class NameField(QLineEdit):
    """Takes what can be a name (`sapo_studio.names`); line breaks of a pasted text become spaces."""

    def __init__(self, accessible: str, text: str = "", longest: int = LONGEST) -> None:
        super().__init__()
        self.setAccessibleName(accessible)
        self._longest = longest
        keep_to_a_name(self, longest)
        self.setText(text)

    @property
    def fits(self) -> bool:
        """Whether what stands in it is a name."""
        return not name_fault(self.text(), self._longest)


def keep_to_a_name(field: QLineEdit, longest: int = LONGEST) -> None:
    """Have any field hold what can be a name: no more characters than that, a space for each that does not show."""
    field.setMaxLength(longest)

    def changed(text: str) -> None:
        shown = one_line(text)
        if shown != text:
            at = field.cursorPosition()
            field.setText(shown)
            field.setCursorPosition(at)

    field.textChanged.connect(changed)
