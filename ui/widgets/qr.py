"""A QR code, painted from its matrix: dark on white in every theme, since scanners expect it so."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

QUIET = 4  # modules of white around it (ISO/IEC 18004)
PICTURE = 16  # pixels of a module in a saved picture


class QrCode(QWidget):
    """Shows a text as a QR code, as large as whole pixels per module allow."""

    def __init__(self, side: int = 232) -> None:
        super().__init__()
        self._side = side
        self._rows: list[bytes] = []
        self._text = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("QR code")

    def set_text(self, text: str) -> None:
        """Encode another text; empty shows nothing."""
        if text == self._text:
            return
        import segno

        self._text = text
        self._rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix] if text else []
        self.setAccessibleName(f"QR code of {text}" if text else "QR code")
        self.update()

    def text(self) -> str:
        """What is encoded."""
        return self._text

    def matrix(self) -> list[bytes]:
        """Rows of modules, 1 is dark, without the quiet zone."""
        return list(self._rows)

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._draw(painter, self.width(), self.height())
        painter.end()

    def _draw(self, painter: QPainter, width: int, height: int) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#FFFFFF"))
        painter.drawRoundedRect(QRectF(0, 0, width, height), 4, 4)
        count = len(self._rows)
        if not count:
            return
        module = max(1, min(width, height) // (count + 2 * QUIET))
        left, top = (width - module * count) // 2, (height - module * count) // 2
        for row, cells in enumerate(self._rows):
            for column, dark in enumerate(cells):
                if dark:
                    painter.fillRect(left + column * module, top + row * module, module, module, QColor("#000000"))

    def image(self) -> QImage:
        """The code as a picture with its quiet zone."""
        side = PICTURE * (len(self._rows) + 2 * QUIET)
        image = QImage(side, side, QImage.Format.Format_RGB32)
        image.fill(QColor("#FFFFFF"))
        painter = QPainter(image)
        self._draw(painter, side, side)
        painter.end()
        return image

    def svg(self) -> str:
        """The code as SVG, one unit a module."""
        side = len(self._rows) + 2 * QUIET
        path = "".join(
            f"M{column + QUIET} {row + QUIET}h1v1h-1z"
            for row, cells in enumerate(self._rows)
            for column, on in enumerate(cells)
            if on
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
            f'<rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>\n'
        )

    def save(self, file: Path) -> None:
        """Write it as SVG or PNG, by the name's ending.

        Raises:
            OSError: the file cannot be written.
        """
        if file.suffix.lower() == ".svg":
            file.write_text(self.svg(), encoding="utf-8")
            return
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self.image().save(buffer, "PNG")  # type: ignore[call-overload]
        file.write_bytes(bytes(buffer.data().data()))
