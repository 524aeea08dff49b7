"""What the theme promises: one look from the tokens, changeable while the window is open, and light to import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def theme(qapp: Any) -> Iterator[Any]:
    from ui.theme import theme as one

    one.apply(qapp)
    yield one
    one.set_scale(100)
    one.set_mode("system")


def test_every_mode_has_the_colours_of_the_token_file(theme: Any) -> None:
    colors = json.loads((ROOT / "resources" / "tokens.json").read_text())["color"]
    for mode, key in (("dark", "dark"), ("light", "light"), ("high-contrast", "highContrast")):
        theme.set_mode(mode)
        assert {name: theme.color(name).name().upper() for name in colors[key]} == {k: v.upper() for k, v in colors[key].items()}


def test_a_change_restyles_the_application_and_is_told(theme: Any, qtbot: Any, qapp: Any) -> None:
    theme.set_mode("dark")
    dark = qapp.styleSheet()
    with qtbot.waitSignal(theme.signals.changed):
        theme.set_mode("light")
    assert qapp.styleSheet() != dark
    assert qapp.palette().window().color() == theme.color("bg")


def test_as_the_system_follows_its_colour_scheme(theme: Any) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QGuiApplication

    theme.set_mode("system")
    scheme = QGuiApplication.styleHints().colorScheme()
    assert theme.resolved == ("light" if scheme == Qt.ColorScheme.Light else "dark")


def test_text_grows_with_the_scale_and_rows_with_it(theme: Any) -> None:
    before, row = theme.font("body").pixelSize(), theme.metric("row")
    theme.set_scale(150)
    assert theme.font("body").pixelSize() > before
    assert theme.metric("row") == round(row * 1.5)
    theme.set_scale(900)
    assert theme.scale == 150


def test_the_stylesheet_has_no_token_left_open(theme: Any, qapp: Any) -> None:
    assert "$" not in qapp.styleSheet()


def test_an_unknown_mode_is_refused(theme: Any) -> None:
    with pytest.raises(ValueError, match="sepia"):
        theme.set_mode("sepia")


def test_every_listed_icon_is_compiled(theme: Any) -> None:
    from ui.theme.icons import known

    names = (ROOT / "resources" / "icons.txt").read_text().split()
    assert [name for name in names if not known(name)] == []


def test_icons_of_the_tokens_and_of_the_code_are_listed(theme: Any) -> None:
    listed = set((ROOT / "resources" / "icons.txt").read_text().split())
    tokens = theme.tokens
    wanted = {spec["icon"] for group in ("status", "evidenceState", "keyState", "severity") for spec in tokens[group].values()}
    wanted |= set(tokens["evidence"].values())
    for file in (ROOT / "ui").rglob("*.py"):
        text = file.read_text()
        wanted |= set(re.findall(r'(?:\bicon\(|\bicon=|EmptyState\(\s*|\bMark\(|IconLabel\()"([a-z][a-z0-9-]*)"', text))
    assert wanted - listed == set()


def test_an_icon_is_painted_in_the_colour_of_the_theme(theme: Any) -> None:
    from PySide6.QtCore import QSize

    from ui.theme import icon

    one = icon("check-circle-fill", "ok")
    for mode in ("dark", "light"):
        theme.set_mode(mode)
        image = one.pixmap(QSize(32, 32)).toImage()
        assert image.pixelColor(4, 16).name() == theme.color("ok").name()


def test_theme_and_widgets_load_nothing_slow() -> None:
    slow = ("asyncio", "qasync", "sqlalchemy", "pydantic", "structlog", "typer", "aiohttp", "keyring", "web3", "numpy")
    code = f"import sys, ui.theme, ui.widgets; print([name for name in {slow!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
