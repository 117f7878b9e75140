"""The style sheet, made from the theme's tokens. Widgets ask for a look by a dynamic property, never by a colour of
their own."""

from __future__ import annotations

from sapo_ui.theme.palette import RADIUS, Theme

_SHEET = """
* {{ outline: 0; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {border}; padding: 4px 6px; }}
QMainWindow, QDialog {{ background: {window}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QLabel {{ background: transparent; }}
QLabel[look="muted"] {{ color: {muted}; }}
QLabel[look="bad"] {{ color: {bad}; }}
QLabel[look="warning"] {{ color: {warning}; }}
QLabel[look="good"] {{ color: {good}; }}
QLabel[look="accent"] {{ color: {accent}; font-weight: 600; }}

QFrame[look="card"], QWidget[look="card"] {{ background: {surface}; border: 1px solid {hairline};
    border-radius: {radius}px; }}
QFrame[look="float"] {{ background: {surface}; border: 1px solid {border}; border-radius: {radius}px; }}
QFrame[look="failure"] {{ background: {surface}; border: 1px solid {bad}; border-radius: {radius}px; }}
QFrame[look="failure-head"] {{ background: {bad_soft}; border: 0; border-radius: {radius}px; }}
QPushButton[look="chip"] {{ background: {accent_soft}; border: 1px solid {accent_soft}; border-radius: 12px;
    padding: 3px 12px; }}
QPushButton[look="chip"]:hover {{ border-color: {accent}; }}
QPushButton[look="chip"]:focus {{ border: 2px solid {accent}; padding: 2px 11px; }}
QFrame[look="help"], QWidget[look="help"] {{ background: {raised}; border: 0; border-top: 1px solid {hairline};
    border-bottom-left-radius: {radius}px; border-bottom-right-radius: {radius}px; }}
QFrame[look="side"] {{ background: {surface}; border: 0; }}
QFrame[look="banner-bad"] {{ background: {bad_soft}; border: 1px solid {bad}; border-radius: {radius}px; }}
QFrame[look="banner-warning"] {{ background: {warning_soft}; border: 1px solid {warning};
    border-radius: {radius}px; }}
QFrame[look="line"] {{ background: {hairline}; border: 0; max-height: 1px; min-height: 1px; }}

QFrame[look="upright"] {{ background: {hairline}; border: 0; }}

QPushButton, QToolButton[look="button"] {{
    background: {raised}; color: {text}; border: 1px solid {border}; border-radius: {radius}px;
    padding: 4px 12px; min-height: 18px;
}}
QPushButton:hover, QToolButton[look="button"]:hover {{ border-color: {muted}; }}
QPushButton:pressed, QToolButton[look="button"]:pressed {{ background: {sunken}; }}
QPushButton:disabled, QToolButton[look="button"]:disabled {{ color: {muted}; background: {window};
    border-color: {hairline}; }}
QPushButton:focus, QToolButton:focus {{ border: 2px solid {accent}; padding: 3px 11px; }}
QPushButton:default, QPushButton[look="primary"] {{ background: {accent}; color: {on_accent};
    border: 1px solid {accent}; }}
QPushButton[look="primary"]:hover {{ background: {accent_hover}; border-color: {accent_hover}; }}
QPushButton:default:disabled, QPushButton[look="primary"]:disabled {{ background: {sunken}; color: {muted};
    border-color: {sunken}; }}
QPushButton:default:focus, QPushButton[look="primary"]:focus {{ border: 2px solid {text}; padding: 3px 11px; }}
QPushButton[look="quiet"], QToolButton {{ background: transparent; border: 1px solid transparent;
    border-radius: {radius}px; padding: 4px 8px; }}
QPushButton[look="quiet"]:hover, QToolButton:hover {{ background: {raised}; }}
QPushButton[look="quiet"]:focus, QToolButton:focus {{ border: 2px solid {accent}; padding: 3px 7px; }}
QPushButton[look="link"] {{ background: transparent; border: 1px solid transparent; color: {accent};
    padding: 1px 4px; }}
QPushButton[look="link"]:hover {{ text-decoration: underline; }}
QPushButton[look="link"]:focus {{ border: 2px solid {accent}; padding: 0 3px; }}
QPushButton[look="badge"] {{ background: {warning_soft}; color: {warning}; border: 1px solid {warning_soft};
    padding: 1px 9px; }}
QPushButton[look="badge"]:hover, QPushButton[look="badge"]:checked {{ border-color: {warning}; }}
QPushButton[look="badge"]:focus {{ border: 2px solid {accent}; padding: 0 8px; }}
QPushButton[look="pill"] {{ background: {accent_soft}; color: {accent}; border: 1px solid {accent_soft};
    border-radius: 14px; font-weight: 600; }}
QPushButton[look="pill"]:hover, QPushButton[look="pill"]:focus {{ border-color: {accent}; }}
QPushButton[look="nav"] {{ background: transparent; border: 1px solid transparent; text-align: left;
    padding: 4px 7px; }}
QPushButton[look="nav"]:hover {{ background: {raised}; }}
QPushButton[look="nav"][front="true"] {{ background: {accent_soft}; }}
QPushButton[look="nav"]:focus {{ border: 2px solid {accent}; padding: 3px 6px; }}
QPushButton[look="nav"]:disabled {{ background: transparent; border-color: transparent; color: {muted}; }}
QPushButton[look="link"] {{ background: transparent; color: {accent}; border: 1px solid transparent;
    border-radius: 4px; padding: 0 2px; min-height: 16px; }}
QPushButton[look="link"]:hover {{ text-decoration: underline; }}
QPushButton[look="link"]:focus {{ border: 1px solid {accent}; padding: 0 2px; }}
QToolButton[look="icon"], QToolButton[look="icon"]:focus {{ padding: 0; }}
QPushButton::menu-indicator, QToolButton::menu-indicator {{ width: 0; height: 0; image: none; }}

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit {{
    background: {surface}; color: {text}; border: 1px solid {border}; border-radius: {radius}px;
    selection-background-color: {accent}; selection-color: {on_accent};
}}
QTextEdit[look="plain"] {{ background: transparent; border: 0; }}
QLineEdit, QSpinBox, QDoubleSpinBox {{ padding: 4px 8px; min-height: 18px; }}
QComboBox {{ padding: 4px 24px 4px 8px; min-height: 18px; combobox-popup: 0; }}
QComboBox::drop-down {{ border: 0; width: 22px; }}
QComboBox::down-arrow {{ image: url("{arrow}"); width: 10px; height: 10px; }}
QComboBox QAbstractItemView {{ background: {surface}; color: {text}; border: 1px solid {border}; padding: 4px;
    selection-background-color: {accent_soft}; selection-color: {text}; }}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus,
    QTextEdit:focus {{ border: 2px solid {accent}; }}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ padding: 3px 7px; }}
QComboBox:focus {{ padding: 3px 23px 3px 7px; }}
QLineEdit[wrong="true"], QSpinBox[wrong="true"], QDoubleSpinBox[wrong="true"], QComboBox[wrong="true"] {{
    border: 2px solid {bad}; background: {bad_soft}; }}
QLineEdit[wrong="true"], QSpinBox[wrong="true"], QDoubleSpinBox[wrong="true"] {{ padding: 3px 7px; }}
QComboBox[wrong="true"] {{ padding: 3px 23px 3px 7px; }}
QLineEdit:disabled, QSpinBox:disabled, QComboBox:disabled {{ color: {muted}; background: {window};
    border-color: {hairline}; }}
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {{ width: 0;
    border: 0; }}

QCheckBox, QRadioButton {{ spacing: 8px; background: transparent; border: 2px solid transparent;
    border-radius: 4px; padding: 1px; }}
QCheckBox:focus, QRadioButton:focus {{ border-color: {accent}; }}
QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {muted}; border-radius: 3px;
    background: {surface}; }}
QCheckBox::indicator:checked {{ background: {accent}; border-color: {accent}; image: url("{check}"); }}

QAbstractItemView {{ background: {surface}; color: {text}; border: 0;
    selection-background-color: {accent_soft}; selection-color: {text}; }}
QTableView, QTreeView {{ gridline-color: {hairline}; alternate-background-color: {surface}; }}
QTableView, QTreeView, QListView {{ border: 1px solid {surface}; }}
QTableView:focus, QTreeView:focus, QListView:focus {{ border-color: {accent}; }}
QListView[look="plain"] {{ border: 0; }}
QTableView::item, QTreeView::item {{ padding: 0 5px; border: 0; }}
QTableView::item:selected, QTreeView::item:selected, QListView::item:selected {{ background: {accent_soft};
    color: {text}; }}
QHeaderView {{ background: {surface}; border: 0; }}
QHeaderView::section {{ background: {surface}; color: {muted}; border: 0; border-bottom: 1px solid {hairline};
    padding: 5px 8px; text-align: left; }}
QTableCornerButton::section {{ background: {surface}; border: 0; }}

QTabBar {{ background: transparent; border: 0; }}
QTabBar::tab {{ background: transparent; color: {muted}; padding: 6px 12px; border: 0;
    border-bottom: 2px solid transparent; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent}; }}
QTabBar::tab:focus {{ background: {accent_soft}; }}
QTabWidget::pane {{ border: 0; border-top: 1px solid {hairline}; }}

QProgressBar {{ background: {sunken}; border: 0; border-radius: 2px; max-height: 4px; min-height: 4px; }}
QProgressBar::chunk {{ background: {accent}; border-radius: 2px; }}
QSlider::groove:horizontal {{ background: {sunken}; height: 4px; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {accent}; height: 4px; border-radius: 2px; }}
QSlider::handle:horizontal {{ background: {surface}; border: 2px solid {accent}; width: 12px; height: 12px;
    margin: -6px 0; border-radius: 8px; }}
QSlider::handle:horizontal:focus {{ background: {accent}; border-color: {text}; }}

QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: 0; }}
QAbstractScrollArea::corner {{ background: transparent; border: 0; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {border}; border-radius: 3px; margin: 2px; min-height: 24px; min-width: 24px; }}
QScrollBar::handle:hover {{ background: {muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}

QMenuBar {{ background: {surface}; color: {text}; border-bottom: 1px solid {hairline}; padding: 0 4px; }}
QMenuBar::item {{ background: transparent; padding: 4px 8px; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {raised}; }}
QMenu {{ background: {surface}; color: {text}; border: 1px solid {border}; padding: 4px; }}
QMenu::item {{ padding: 5px 24px 5px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {accent_soft}; color: {text}; }}
QMenu::item:disabled {{ color: {muted}; }}
QMenu::separator {{ height: 1px; background: {hairline}; margin: 4px 8px; }}
QMenu::indicator {{ width: 12px; height: 12px; margin-left: 6px; }}
QMenu::indicator:checked {{ image: url("{tick}"); }}
QStatusBar {{ background: {surface}; color: {muted}; border-top: 1px solid {hairline}; }}
QStatusBar::item {{ border: 0; }}

QSplitter::handle {{ background: {hairline}; }}
QSplitter[look="gap"]::handle {{ background: transparent; border-radius: 2px; }}
QSplitter[look="gap"]::handle:hover {{ background: {accent_soft}; }}
"""


def style_sheet(theme: Theme) -> str:
    """The application's style sheet for `theme`."""
    from sapo_ui.theme.glyphs import glyph_file

    tokens: dict[str, str | int] = {
        name: value for name, value in vars(theme).items() if isinstance(value, str) and value.startswith("#")
    }
    tokens["accent_hover"] = "#095e6a" if not theme.dark else "#6fcbd7"
    tokens["radius"] = RADIUS
    tokens["arrow"] = glyph_file("chevron-down", theme.muted)
    tokens["check"] = glyph_file("check", theme.on_accent)
    tokens["tick"] = glyph_file("check", theme.text)
    return _SHEET.format(**tokens)
