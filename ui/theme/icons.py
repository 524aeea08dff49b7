"""Phosphor icons, tinted when they are painted, so that they follow the theme and the pixel ratio of each screen."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QFile, QIODevice, QRect, QRectF, QResource, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from ui.theme.theme import RESOURCES, theme

_registered = False
_sources: dict[str, bytes] = {}
_pixmaps: dict[tuple[str, str, int, int], QPixmap] = {}
KEPT = 600  # tinted pixmaps; more than all icons of a window in all their states


def _source(name: str) -> bytes:
    """The SVG text of an icon; empty when the resource has none of this name."""
    global _registered
    if not _registered:
        _registered = True
        QResource.registerResource(str(RESOURCES / "build" / "icons.rcc"))
    if name not in _sources:
        file = QFile(f":/icons/{name}.svg")
        _sources[name] = bytes(file.readAll().data()) if file.open(QIODevice.OpenModeFlag.ReadOnly) else b""
    return _sources[name]


def _tinted(name: str, color: str, width: int, height: int) -> QPixmap:
    key = (name, color, width, height)
    found = _pixmaps.get(key)
    if found is None:
        found = QPixmap(max(1, width), max(1, height))
        found.fill(Qt.GlobalColor.transparent)
        source = _source(name)
        if source:
            renderer = QSvgRenderer(QByteArray(source.replace(b"currentColor", color.encode())))
            painter = QPainter(found)
            side = min(width, height)
            renderer.render(painter, QRectF((width - side) / 2, (height - side) / 2, side, side))
            painter.end()
        if len(_pixmaps) >= KEPT:
            _pixmaps.clear()
        _pixmaps[key] = found
    return found


_CLONES: list[QIconEngine] = []


class _Engine(QIconEngine):
    """One icon in one colour token; disabled icons take the colour of disabled text."""

    def __init__(self, name: str, color: str, size: int) -> None:
        super().__init__()
        self._name, self._color, self._size = name, color, size

    def _hex(self, mode: QIcon.Mode) -> str:
        return theme.hex("text-disabled" if mode == QIcon.Mode.Disabled else self._color)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        ratio = painter.device().devicePixelRatioF() if painter.device() else 1.0
        pixmap = _tinted(self._name, self._hex(mode), round(rect.width() * ratio), round(rect.height() * ratio))
        painter.drawPixmap(QRectF(rect), pixmap, QRectF(pixmap.rect()))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return QPixmap(_tinted(self._name, self._hex(mode), size.width(), size.height()))

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        # Qt passes device pixels here and sets the ratio of what it gets.
        return QPixmap(_tinted(self._name, self._hex(mode), size.width(), size.height()))

    def actualSize(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QSize:
        return size

    def clone(self) -> QIconEngine:
        # Qt keeps the clone without a reference of Python's; freed here, it would crash there.
        copy = _Engine(self._name, self._color, self._size)
        _CLONES.append(copy)
        return copy

    def isNull(self) -> bool:
        return False


def icon(name: str, color: str = "text-2", size: int = 16) -> QIcon:
    """A Phosphor icon in a colour token, as in ``icon("seal-check", "ok")``; a name ending in ``-fill`` is the filled weight."""
    return QIcon(_Engine(name, color, size))


def known(name: str) -> bool:
    """Whether the compiled resource has this icon."""
    return bool(_source(name))
