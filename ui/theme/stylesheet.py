"""The stylesheet, made from the tokens. What a stylesheet cannot draw is drawn by the widgets themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.theme.current import Theme

_SHEET = """
QWidget { color: {text}; }
QMainWindow, QDialog { background: {bg}; }
QToolTip { background: {surface-3}; color: {text}; border: 1px solid {border-strong}; padding: 4px 6px; }
QLabel { background: transparent; }
QLabel:disabled { color: {text-disabled}; }
QLabel[role="display"] { font-size: {pt:hero}pt; font-weight: 600; }
QLabel[role="title"] { font-size: {pt:title}pt; font-weight: 600; }
QLabel[role="sheet-title"] { font-size: {pt:sheetTitle}pt; font-weight: 600; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="strong"] { font-weight: 500; }
QLabel[role="label"] { color: {text-2}; font-size: {pt:small}pt; }
QLabel[role="context"] { color: {text-3}; }
QLabel[role="hint"] { color: {text-3}; font-size: {pt:hint}pt; }
QLabel[role="err"] { color: {err}; font-size: {pt:hint}pt; }
QLabel[role="ok"] { color: {ok}; }
QLabel[role="tag"] { background: {surface-3}; color: {text-2}; font-size: {pt:hint}pt; border-radius: 3px; padding: 1px 6px; }
QLabel[role="key"] { background: {surface-2}; color: {text-2}; font-size: {pt:hint}pt; border: 1px solid {border-strong};
  border-radius: 3px; padding: 0px 5px; }
QLabel[mono="true"] { font-family: {mono}; font-size: {pt:mono}pt; }

QMenuBar { background: {surface-2}; border-bottom: 1px solid {border}; padding: 0 4px; spacing: 0px; }
QMenuBar::item { padding: 4px 9px; background: transparent; color: {text-2}; border-radius: 3px; }
QMenuBar::item:selected { background: {surface-3}; color: {text}; }
QMenu { background: {surface-2}; border: 1px solid {border-strong}; border-radius: 6px; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 8px; border-radius: 4px; }
QMenu::item:selected { background: {select}; }
QMenu::item:disabled { color: {text-disabled}; }
QMenu::icon { padding-left: 8px; }
QMenu::separator { height: 1px; background: {border}; margin: 4px 0; }

QPushButton { background: {surface}; border: 1px solid {border-strong}; border-radius: 5px; padding: 0 11px; font-weight: 500;
  min-height: {control}px; max-height: {control}px; }
QPushButton:hover { background: {surface-3}; }
QPushButton:pressed { background: {surface-2}; }
QPushButton:disabled { color: {text-disabled}; border-color: {border}; background: transparent; }
QPushButton[kind="primary"] { background: {accent-fill}; border-color: {accent-fill}; color: {on-accent}; }
QPushButton[kind="primary"]:hover { background: {accent-fill-hover}; border-color: {accent-fill-hover}; }
QPushButton[kind="primary"]:disabled { background: {surface-3}; border-color: {border}; color: {text-disabled}; }
QPushButton[kind="danger"] { color: {err}; border-color: {err}; }
QPushButton[kind="danger"]:hover { background: {err-soft}; }
QPushButton[kind="danger"]:disabled { color: {text-disabled}; border-color: {border}; }
QPushButton[kind="danger-fill"] { background: {danger-fill}; border-color: {danger-fill}; color: #FFFFFF; }
QPushButton[kind="quiet"] { background: transparent; border-color: transparent; color: {text-2}; }
QPushButton[kind="quiet"]:hover { background: {surface-3}; color: {text}; }
QPushButton::menu-indicator { image: none; width: 0; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 5px; padding: 3px; }
QToolButton:hover { background: {surface-3}; }
QToolButton:pressed, QToolButton:checked { background: {select}; }
QToolButton:disabled { color: {text-disabled}; }
QToolButton::menu-indicator { image: none; width: 0; }

QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox, QComboBox { background: {field}; border: 1px solid {border-control};
  border-radius: 5px; selection-background-color: {accent-fill}; selection-color: {on-accent}; }
QLineEdit, QAbstractSpinBox, QComboBox { min-height: {control}px; max-height: {control}px; padding: 0 8px; }
QComboBox QLineEdit, QAbstractSpinBox QLineEdit { border: none; min-height: 0; padding: 0; background: transparent; }
QLineEdit[invalid="true"], QComboBox[invalid="true"], QAbstractSpinBox[invalid="true"] { border-color: {err}; }
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled { color: {text-disabled}; background: {surface};
  border-color: {border}; }
QLineEdit:read-only { background: {surface}; border-color: {border}; }
QComboBox::drop-down { border: none; width: 24px; subcontrol-origin: border; subcontrol-position: center right; }
QComboBox::down-arrow { image: url(:/icons/caret-down.svg); width: 0; height: 0; }
QComboBox QAbstractItemView { background: {surface-2}; border: 1px solid {border-strong}; selection-background-color: {select};
  selection-color: {text}; outline: none; padding: 4px; }
QComboBox QAbstractItemView::item { min-height: {rowDense}px; padding: 0 6px; border-radius: 4px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { width: 0; border: none; }
QPlainTextEdit { padding: 4px; }
QPlainTextEdit[plain="true"] { border: none; border-radius: 0; background: {surface}; }
QCheckBox, QRadioButton { spacing: 8px; min-height: 24px; }
QCheckBox::indicator, QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid {border-control}; background: {field};
  border-radius: 3px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:checked { background: {accent-fill}; border-color: {accent-fill}; image: url(:/icons/check.svg); }
QRadioButton::indicator:checked { background: {accent-fill}; border-color: {accent-fill}; }
QCheckBox:disabled { color: {text-disabled}; }

QScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: {border-strong}; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: {border-control}; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: {border}; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QSplitter::handle:hover { background: {accent}; }

QTableView { background: {surface}; border: none; outline: none; gridline-color: {border}; selection-background-color: {select};
  selection-color: {text}; }
QHeaderView { background: {surface-2}; border: none; }
QHeaderView::section { background: {surface-2}; color: {text-2}; border: none; border-bottom: 1px solid {border}; padding: 0 8px;
  font-size: {pt:tableHeader}pt; font-weight: 500; }
QHeaderView::section:hover { color: {text}; }
QTableCornerButton::section { background: {surface-2}; border: none; }
QListView, QTreeView { background: {surface}; border: none; outline: none; }
QListView::item { min-height: {navItem}px; padding: 0 8px; }
QListView::item:hover { background: {surface-3}; }
QListView::item:selected { background: {select}; color: {text}; }
QTabWidget::pane { border: none; border-top: 1px solid {border}; }
QTabBar { background: {surface}; }
QTabBar::tab { background: transparent; color: {text-2}; padding: 0 12px; height: {tabBar}px; border: none;
  border-bottom: 2px solid transparent; }
QTabBar::tab:hover { color: {text}; }
QTabBar::tab:selected { color: {text}; border-bottom-color: {accent}; }
QProgressBar { background: {surface-3}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: {accent}; border-radius: 3px; }
QFrame[frameShape="4"], QFrame[frameShape="5"] { color: {border}; }

QFrame[frame="card"] { background: {surface}; border: 1px solid {border}; border-radius: 6px; }
QFrame[frame="pane"] { background: {surface}; border: none; }
QFrame[frame="pane-header"] { background: {surface}; border: none; border-bottom: 1px solid {border}; }
QFrame[frame="card-header"] { background: transparent; border: none; border-bottom: 1px solid {border}; }
QFrame[frame="page-header"] { background: {surface}; border: none; border-bottom: 1px solid {border}; }
QFrame[role="bar"], QFrame[frame="bar"] { background: {surface}; border: none; border-bottom: 1px solid {border}; }
QFrame[frame="note"] { background: {surface-2}; border: 1px solid {border}; border-left: none; border-top-right-radius: 4px;
  border-bottom-right-radius: 4px; }
QFrame[frame="popup"] { background: {surface-2}; border: 1px solid {border-strong}; border-radius: 6px; }
QFrame[frame="code"], QPlainTextEdit[frame="code"] { background: {bg}; border: 1px solid {border}; border-radius: 4px; }
QFrame[frame="group"] { background: {surface}; border: 1px solid {border-strong}; border-radius: 5px; }
QFrame[active="true"], QWidget[active="true"] { background: {accent-soft}; }
QWidget#page { background: {bg}; }
QWidget#panel { background: {surface}; }

QToolBar#topbar { background: {surface}; border: none; border-bottom: 1px solid {border}; spacing: 0; padding: 0; }
QWidget#navigation { background: {surface}; border-right: 1px solid {border}; }
QListView#navigation\\.list, QListView#navigation\\.foot { background: {surface}; }
QStatusBar { background: {surface-2}; border-top: 1px solid {border}; color: {text-2}; font-size: {pt:small}pt; }
QStatusBar::item { border: none; }
QStatusBar QToolButton { border: none; border-right: 1px solid {border}; border-radius: 0; padding: 0 10px; font-size: {pt:small}pt;
  color: {text-2}; min-height: 25px; }
QStatusBar QToolButton[side="right"] { border-right: none; border-left: 1px solid {border}; }
QStatusBar QToolButton:hover { background: {surface-3}; color: {text}; }
QStatusBar QSizeGrip { width: 0; }
QDockWidget { border: none; }
QWidget#plan\\.sheet { background: {surface}; border-left: 1px solid {border}; }
QFrame#plan\\.footer { background: {surface-2}; border-top: 1px solid {border}; }
QMainWindow::separator { background: {border}; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: {accent}; }

QToolButton[part="group"] { border: none; border-radius: 0; padding: 0 10px; color: {text}; }
QToolButton[part="group"]:hover { background: {surface-3}; }
QToolButton[part="group"][muted="true"] { color: {text-2}; }
QPushButton#topbar\\.search { background: {field}; border: 1px solid {border-control}; color: {text-3}; text-align: left; padding: 0 8px;
  font-weight: 400; }
QPushButton#topbar\\.search:hover { background: {surface-2}; }
QPushButton[part="segment"] { background: {surface}; border: 1px solid {border-strong}; border-left: none; border-radius: 0; padding: 0 10px;
  font-weight: 400; color: {text-2}; min-height: {segment}px; max-height: {segment}px; }
QPushButton[part="segment"][edge="first"] { border-left: 1px solid {border-strong}; border-top-left-radius: 5px;
  border-bottom-left-radius: 5px; }
QPushButton[part="segment"][edge="last"] { border-top-right-radius: 5px; border-bottom-right-radius: 5px; }
QPushButton[part="segment"][edge="only"] { border-left: 1px solid {border-strong}; border-radius: 5px; }
QPushButton[part="segment"]:hover { background: {surface-3}; }
QPushButton[part="segment"]:checked { background: {select}; color: {text}; font-weight: 500; }
QToolButton[part="chip"] { background: {surface-2}; border: 1px solid {border}; border-radius: 3px; padding: 0 6px; color: {text-2};
  font-family: {mono}; font-size: {pt:hint}pt; min-height: 18px; max-height: 18px; }
QToolButton[part="chip"]:hover { background: {surface-3}; border-color: {border-strong}; }
QListView#palette\\.list { background: {surface-2}; }
QLineEdit#palette\\.input { border: none; background: transparent; min-height: 40px; max-height: 40px; font-size: {pt:sheetTitle}pt; }
"""


def stylesheet(theme: Theme) -> str:
    """The whole sheet for the colours, fonts and sizes of ``theme``."""
    import re

    tokens = theme.tokens
    mono = ", ".join(f'"{family}"' for family in tokens["font"]["mono"])

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name == "mono":
            return mono
        if name == "segment":
            return str(theme.metric("controlSmall"))
        if name == "control":  # borders stand outside of min-height
            return str(theme.metric("control") - 2)
        if name in tokens["size"]:
            return str(theme.metric(name))
        if name.startswith("pt:"):
            return f"{theme.points(name[3:]):g}"
        return theme.color(name).name()

    return re.sub(r"\{([a-z][A-Za-z0-9:-]*)\}", value, _SHEET.replace("\\\\", "\\"))
