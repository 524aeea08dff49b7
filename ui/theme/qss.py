"""The stylesheet, made from the tokens each time they change."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ui.theme.theme import Theme

_BASE = Template("""
QWidget { color: $text; }
QMainWindow, QDialog, QStackedWidget, QScrollArea, QScrollArea > QWidget > QWidget { background: $surface; }
QMainWindow { background: $bg; }
QToolTip { background: $surface_3; color: $text; border: 1px solid $border_strong; padding: 4px 6px; }
QFrame[role="bar"] { background: $surface; border: none; border-bottom: 1px solid $border; }
QFrame[role="pane"] { background: $surface; border: none; }
QFrame[role="paneHead"] { background: $surface; border: none; border-bottom: 1px solid $border; }
QFrame[role="card"] { background: $surface; border: 1px solid $border; border-radius: ${radius_card}px; }
QFrame[role="cardHead"] { background: transparent; border: none; border-bottom: 1px solid $border; }
QFrame[role="lock"] { background: $bg; border: none; }
QFrame[role="tile"] { background: $surface_3; border: none; border-radius: ${radius_card}px; }
QLabel[role="secret"] { background: $field; border: 1px solid $border_control; border-radius: ${radius}px; padding: 8px; }
QLabel[role="word"] { background: $surface_2; border: 1px solid $border; border-radius: 4px; padding: 4px 8px; }
QFrame[role="line"] { background: $border; border: none; max-height: 1px; min-height: 1px; }
QFrame[role="popover"] { background: $surface; border: 1px solid $border_strong; border-radius: ${radius_card}px; }
QFrame[role="kpi"] { background: transparent; border: none; border-right: 1px solid $border; }
QFrame[role="note"] { background: $surface_2; border: 1px solid $border; border-left: 3px solid $accent; border-radius: 2px; }
QFrame[role="note"][level="ok"] { border-left-color: $ok; }
QFrame[role="note"][level="warn"] { border-left-color: $warn; }
QFrame[role="note"][level="err"] { border-left-color: $err; }

QLabel { background: transparent; border: none; }
QLabel:disabled { color: $text_disabled; }
QLabel[role="hint"] { color: $text_3; font-size: ${t_small}px; }
QLabel[role="label"] { color: $text_2; font-size: ${t_small}px; }
QLabel[role="strong"] { font-weight: 500; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="title"] { font-size: ${t_title}px; font-weight: 600; }
QLabel[role="display"], QLabel[role="hero"] { font-size: ${t_hero}px; font-weight: 600; }
QLabel[role="figure"] { font-size: ${t_figure}px; font-weight: 600; }
QLabel[role="ok"] { color: $ok; }
QLabel[role="warn"] { color: $warn; }
QLabel[role="err"] { color: $err; }
QLabel[role="fieldError"] { color: $err; font-size: ${t_hint}px; }
QLabel[role="fieldHint"] { color: $text_3; font-size: ${t_hint}px; }
QLabel[role="tag"] { background: $surface_3; color: $text_2; border-radius: 3px; padding: 1px 6px; font-size: ${t_hint}px; }
QLabel[role="key"] { background: $surface_3; color: $text; border: 1px solid $border_strong; border-radius: 3px; padding: 1px 6px;
    font-size: ${t_hint}px; }

QPushButton, QToolButton[role="button"] { background: $surface; color: $text; border: 1px solid $border_strong;
    border-radius: ${radius}px; padding: 0 10px; min-height: ${control_in}px; font-weight: 500; }
QPushButton:hover { background: $surface_3; }
QPushButton:pressed { background: $select; }
QPushButton:focus { border: 2px solid $focus; padding: 0 9px; min-height: ${control_focus}px; }
QPushButton:disabled { color: $text_disabled; border-color: $border; background: transparent; }
QPushButton[role="primary"] { background: $accent_fill; color: $on_accent; border-color: $accent_fill; }
QPushButton[role="primary"]:hover { background: $accent_fill_hover; }
QPushButton[role="primary"]:focus { border: 2px solid $focus; }
QPushButton[role="primary"]:disabled { background: $surface_3; color: $text_disabled; border-color: $border; }
QPushButton[role="danger"] { color: $err; border-color: $err; }
QPushButton[role="danger"]:hover { background: $err_soft; }
QPushButton[role="danger"]:focus { border: 2px solid $focus; }
QPushButton[role="danger"]:disabled { color: $text_disabled; border-color: $border; }
QPushButton[role="dangerFill"] { background: $danger_fill; color: #FFFFFF; border-color: $danger_fill; }
QPushButton[role="dangerFill"]:focus { border: 2px solid $focus; }
QPushButton:flat { border-color: transparent; background: transparent; }
QPushButton[role="segment"] { border-radius: 0; border-right-width: 0; padding: 0 10px; color: $text_2; min-height: ${small_in}px; }
QPushButton[role="segment"][place="first"] { border-top-left-radius: ${radius}px; border-bottom-left-radius: ${radius}px; }
QPushButton[role="segment"][place="last"] { border-top-right-radius: ${radius}px; border-bottom-right-radius: ${radius}px;
    border-right-width: 1px; }
QPushButton[role="segment"]:checked { background: $select; color: $text; }
QPushButton[role="segment"]:focus { border: 2px solid $focus; padding: 0 9px; min-height: ${small_focus}px; }
QPushButton[role="chip"] { background: $surface_2; color: $text; border: 1px solid $border; border-radius: 3px; padding: 0 6px 0 4px;
    min-height: 18px; max-height: 18px; font-weight: 400; text-align: left; }
QPushButton[role="chip"]:hover { background: $surface_3; border-color: $border_strong; }
QPushButton[role="chip"]:focus { border: 2px solid $focus; padding: 0 5px 0 3px; min-height: 16px; max-height: 16px; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: ${radius}px; padding: 3px; }
QToolButton:hover { background: $surface_3; }
QToolButton:focus { border: 2px solid $focus; padding: 2px; }
QToolButton:checked { background: $select; }
QToolButton[part="search"] { background: $field; color: $text_3; border: 1px solid $border_control; padding: 0 10px; }
QToolButton[part="search"]:hover { border-color: $border_strong; background: $surface_3; }
QToolButton[part="search"]:focus { border: 2px solid $focus; padding: 0 9px; }
QToolButton::menu-indicator { image: url("$art/down.svg"); width: 10px; height: 10px; subcontrol-position: right center;
    subcontrol-origin: padding; right: 2px; }
QToolButton[menu="true"] { padding-right: 16px; }

QLineEdit, QComboBox, QAbstractSpinBox, QTextEdit, QPlainTextEdit, QDateTimeEdit { background: $field; color: $text;
    border: 1px solid $border_control; border-radius: ${radius}px; selection-background-color: $accent_fill;
    selection-color: $on_accent; }
QLineEdit, QAbstractSpinBox { padding: 0 8px; min-height: ${control_in}px; }
QComboBox { padding: 0 8px; min-height: ${control_in}px; }
QLineEdit:focus, QComboBox:focus, QAbstractSpinBox:focus { border: 2px solid $focus; padding: 0 7px; min-height: ${control_focus}px; }
QTextEdit:focus, QPlainTextEdit:focus { border: 2px solid $focus; }
QLineEdit[invalid="true"], QComboBox[invalid="true"], QAbstractSpinBox[invalid="true"] { border-color: $err; }
QLineEdit:disabled, QComboBox:disabled, QAbstractSpinBox:disabled { color: $text_disabled; border-color: $border;
    background: transparent; }
QComboBox QLineEdit, QAbstractSpinBox QLineEdit, QComboBox QLineEdit:focus, QAbstractSpinBox QLineEdit:focus { border: none;
    padding: 0; min-height: 0; background: transparent; }
QAbstractSpinBox QLineEdit, QAbstractSpinBox QLineEdit:focus { padding: 0 8px; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow, QAbstractSpinBox::down-arrow { image: url("$art/down.svg"); width: 12px; height: 12px; }
QAbstractSpinBox::up-arrow { image: url("$art/up.svg"); width: 12px; height: 12px; }
QComboBox::down-arrow:disabled, QAbstractSpinBox::up-arrow:disabled, QAbstractSpinBox::down-arrow:disabled { image: none; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $border_strong; selection-background-color: $select;
    selection-color: $text; outline: none; padding: 4px; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: none; width: 18px; background: transparent; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: $surface_3; }
QPlainTextEdit[role="code"] { background: $surface_2; border: 1px solid $border; border-radius: 4px; padding: 4px; }
QPlainTextEdit[role="code"]:focus { border: 2px solid $focus; padding: 3px; }

QCheckBox, QRadioButton { spacing: 7px; background: transparent; }
QCheckBox:focus, QRadioButton:focus { outline: none; }
QCheckBox::indicator, QRadioButton::indicator { width: 13px; height: 13px; border: 1px solid $border_control; background: $field; }
QCheckBox::indicator { border-radius: 3px; }
QRadioButton::indicator { border-radius: 7px; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid $focus; width: 11px; height: 11px; }
QCheckBox::indicator:checked, QRadioButton::indicator:checked { background: $accent_fill; border-color: $accent_fill; }
QCheckBox::indicator:checked { image: url("$art/check.svg"); }
QCheckBox::indicator:checked:focus { border-color: $focus; }
QCheckBox:disabled, QRadioButton:disabled { color: $text_disabled; }

QTableView, QListView, QTreeView { background: $surface; border: none; outline: none; gridline-color: $border;
    selection-background-color: $select; selection-color: $text; font-size: ${t_table}px; }
QTableView[focusRing="true"]:focus { border: none; }
QListView::item { min-height: ${nav_in}px; padding: 0 8px; border: 2px solid transparent; }
QListView::item:hover { background: $surface_3; }
QListView::item:selected { background: $select; color: $text; border-left: 3px solid $accent; }
QListView::item:selected:focus { border: 2px solid $focus; }
QHeaderView { background: $surface_2; border: none; }
QHeaderView::section { background: $surface_2; color: $text_3; border: none; border-bottom: 1px solid $border; padding: 0 10px;
    font-size: ${t_header}px; font-weight: 500; }
QHeaderView::section:hover { color: $text; }
QTableCornerButton::section { background: $surface_2; border: none; }

QMenuBar { background: $surface_2; border-bottom: 1px solid $border; font-size: ${t_small}px; }
QMenuBar::item { padding: 4px 9px; background: transparent; }
QMenuBar::item:selected { background: $surface_3; }
QMenu { background: $surface; border: 1px solid $border_strong; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 10px; border-radius: 3px; }
QMenu::item:selected { background: $select; }
QMenu::item:disabled { color: $text_disabled; }
QMenu::separator { height: 1px; background: $border; margin: 4px 0; }
QStatusBar { background: $surface_2; border-top: 1px solid $border; }
QStatusBar::item { border: none; }
QTabBar { background: $surface; }
QTabBar::tab { background: transparent; color: $text_2; padding: 7px 12px; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; }
QTabBar::tab:focus { color: $focus; }
QTabWidget::pane { border: none; border-top: 1px solid $border; }

QProgressBar { background: $surface_3; border: none; border-radius: 3px; text-align: center; }
QProgressBar::chunk { background: $accent_fill; border-radius: 3px; }
QSplitter::handle { background: $border; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QSplitter::handle:hover { background: $accent; }
QDockWidget { border: none; }
QScrollBar { background: transparent; border: none; }
QScrollBar:vertical { width: 11px; margin: 0; }
QScrollBar:horizontal { height: 11px; margin: 0; }
QScrollBar::handle { background: $border_strong; border-radius: 4px; border: 2px solid $surface; }
QScrollBar::handle:hover { background: $border_control; }
QScrollBar::handle:vertical { min-height: 26px; }
QScrollBar::handle:horizontal { min-width: 26px; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
""")


def stylesheet(theme: Theme, art: str) -> str:
    """The stylesheet of the theme as it is now; ``art`` is the folder of :func:`draw_art`."""
    names: dict[str, object] = {name.replace("-", "_"): theme.hex(name) for name in theme.tokens["color"]["dark"]}
    for key, kind in (
        ("t_small", "small"),
        ("t_hint", "hint"),
        ("t_title", "title"),
        ("t_hero", "hero"),
        ("t_figure", "figure"),
        ("t_table", "table"),
        ("t_header", "tableHeader"),
    ):
        names[key] = theme.font(kind).pixelSize()
    names["radius"] = theme.metric("radius.control")
    names["radius_card"] = theme.metric("radius.card")
    names["control_in"] = theme.metric("control") - 2  # the border is outside of QSS's min-height
    names["control_focus"] = theme.metric("control") - 4
    names["small_in"] = theme.metric("controlSmall") - 2
    names["small_focus"] = theme.metric("controlSmall") - 4
    names["nav_in"] = theme.metric("navItem") - 6
    names["art"] = art
    return _BASE.substitute(names)


def draw_art(theme: Theme, folder: Path) -> str:
    """Write the three marks that a stylesheet can only take from files, in the colours of the theme, and give their folder.

    A new folder for each look: Qt caches images by their path.
    """
    place = folder / f"{theme.resolved}"
    place.mkdir(parents=True, exist_ok=True)
    for name, path, color in (
        ("down", "M3 4.5 6 7.5 9 4.5", "text-2"),
        ("up", "M3 7.5 6 4.5 9 7.5", "text-2"),
        ("check", "M2.5 6.2 5 8.6 9.5 3.6", "on-accent"),
    ):
        line = f'<path d="{path}" fill="none" stroke="{theme.hex(color)}" stroke-width="1.4" stroke-linecap="round"/>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 12 12" width="12" height="12">{line}</svg>'
        (place / f"{name}.svg").write_text(svg, encoding="utf-8")
    return place.as_posix()
