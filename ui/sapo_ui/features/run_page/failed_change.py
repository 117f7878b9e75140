"""The change that a failed run proposes: a setting, its old value, the new one to edit, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLineEdit, QSizePolicy, QWidget

from sapo_studio.config.blame import Proposal, setting, value_of, with_change
from sapo_studio.config.overrides import override
from sapo_studio.config.schema import RunConfig, problems
from sapo_studio.errors import InputError
from sapo_ui import theme
from sapo_ui.widgets.elided_label import ElidedLabel
from sapo_ui.widgets.labels import label
from sapo_ui.wording import SECTION_TITLES, setting_label

if TYPE_CHECKING:
    from sapo_studio.app.set_up.effect import Effect

WIDTH = 168


class ChangeRow(QWidget):
    """`value` is what is to be set, None while it is not a valid one or no other than before."""

    changed = Signal()
    """The new value is another."""
    entered = Signal()
    """Enter was pressed in it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.path = ""
        self.value: Any = None
        self._config: RunConfig | None = None
        self._effect = ""
        self._proposed: Any = None
        self._effects: Mapping[str, Effect] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        self.section = ElidedLabel(theme.font("body"), role=self.palette().ColorRole.PlaceholderText)
        self.section.setFixedWidth(96)
        self.name = label("", "strong")
        self.before = QLineEdit(self)
        self.before.setReadOnly(True)
        self.before.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.before.setProperty("wrong", "true")
        self.before.setAccessibleName("Value that the run failed with")
        self.arrow = label("\u2192", "body", "muted")
        self.editor = QLineEdit(self)
        self.editor.setAccessibleName("New value")
        self.editor.textChanged.connect(self._typed)
        self.editor.returnPressed.connect(self.entered)
        self.said = ElidedLabel(theme.font("small"), role=self.palette().ColorRole.PlaceholderText)
        for edit in (self.before, self.editor):
            edit.setFixedSize(WIDTH, theme.CONTROL_HEIGHT)
        for at, part in enumerate((self.section, self.name, self.before, self.arrow, self.editor, self.said)):
            grid.addWidget(part, 0, at)
        grid.setColumnStretch(5, 1)
        self.where = label("", "small", "muted")
        self.bar = EffectBar(self)
        self.told = ElidedLabel(theme.font("small"), role=self.palette().ColorRole.PlaceholderText)
        grid.addWidget(self.where, 1, 1)
        grid.addWidget(self.bar, 1, 2, 1, 3)
        grid.addWidget(self.told, 1, 5)
        self._show_effect()

    def words(self, one: Proposal) -> str:
        """A proposal in a few words, for a button: `Micro batch 4`."""
        section = SECTION_TITLES.get(one.path.rpartition(".")[0], "")
        name = f"{section}: {setting_label(one.path).lower()}" if section else setting_label(one.path)
        if one.after is None:
            return name
        return name if one.after is True else f"{name} {_shown(one.after) or 'empty'}"

    def show_proposal(self, one: Proposal, config: RunConfig) -> None:
        """Propose this."""
        self.path, self._config, self._effect, self._proposed = one.path, config, one.effect, one.after
        self.section.set_text(SECTION_TITLES.get(one.path.rpartition(".")[0], ""))
        self.name.setText(setting_label(one.path))
        self.before.setText(_shown(value_of(config, one.path)) or "empty")
        self.before.setCursorPosition(0)
        self.editor.setAccessibleName(f"New value of {setting_label(one.path)}")
        self.editor.setText("" if one.after is None else _shown(one.after))
        self.editor.setCursorPosition(0)
        self.editor.setPlaceholderText("empty" if one.after == "" else "another value")
        self._typed()
        self._show_effect()

    def show_effects(self, effects: Mapping[str, Effect]) -> None:
        """What changes would do to memory and time, by setting."""
        self._effects = effects
        self._show_effect()

    def _typed(self) -> None:
        config, text = self._config, self.editor.text().strip()
        if config is None:
            return
        before = value_of(config, self.path)
        self.value, wrong = None, ""
        try:
            read = _read(config, self.path, text)
        except InputError as error:
            wrong = error.what
        except ValidationError as error:
            wrong = "; ".join(str(fault) for fault in problems(error))
        else:
            self.value = None if read == before else read
        self.said.set_text(wrong or self._effect)
        self._show_effect()
        self.changed.emit()

    def _show_effect(self) -> None:
        effect = self._effects.get(self.path)
        known = effect is not None and self.value == self._proposed
        for part in (self.where, self.bar, self.told):
            part.setVisible(known)
        if effect is not None and known:
            self.where.setText(effect.where.partition(",")[0])
            self.bar.show_effect(effect)
            self.told.set_text(effect.words)


class EffectBar(QWidget):
    """What a memory will hold: a bar up to the new peak, a mark at the old one, a line where the memory ends."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._effect: Effect | None = None
        self.setFixedHeight(20)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.on_change(self, self.update)

    def show_effect(self, effect: Effect) -> None:
        """Draw this."""
        self._effect = effect
        self.setAccessibleName(f"{effect.where}: {effect.words}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        effect = self._effect
        if effect is None:
            return
        look, painter = theme.current(), QPainter(self)
        most = max(effect.before, effect.after, float(effect.there)) * 1.05
        width = float(self.width())
        painter.fillRect(QRectF(0, 5, width, 10), QColor(look.sunken))
        fits = not effect.there or effect.after <= effect.there
        new = QRectF(0, 5, width * effect.after / most, 10)
        painter.fillRect(new, QColor(look.accent if fits else look.warning))
        if not fits:
            painter.fillRect(new, QBrush(QColor(look.surface), Qt.BrushStyle.BDiagPattern))
        if effect.there:
            painter.fillRect(QRectF(width * effect.there / most - 1, 0, 2, 20), QColor(look.text))
        painter.fillRect(QRectF(width * effect.before / most - 2, 4, 4, 12), QColor(look.bad))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _read(config: RunConfig, path: str, text: str) -> Any:
    """The value that `text` stands for. Raises InputError or ValidationError where it is not valid for the setting."""
    before = value_of(config, path)
    if isinstance(before, bool):
        text = {"on": "true", "off": "false"}.get(text.lower(), text)
    told: Any = override({}, [setting(path, text) if isinstance(before, str) else f"{path}={text}"])
    for name in path.split("."):
        told = told[name]
    return value_of(with_change(config, path, told), path)
