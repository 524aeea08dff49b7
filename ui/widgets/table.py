"""A table over rows that are known by their ids: it keeps the selection, copies exactly and asks for more at its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QMenu, QTableView

from ui.theme import icon, theme
from ui.widgets.delegate import VALUE, CellDelegate
from ui.widgets.evidence import EvidencePopover
from ui.widgets.privacy import privacy
from ui.widgets.values import (
    AddressCell,
    Column,
    EvidenceCell,
    Row,
    exact_text,
    shown_text,
    sort_key,
    spoken_text,
)

_Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()

ROW_MIME = "application/x-azora-row"
SQUEEZE = 0.22  # the share of its width that a column gives up before the table scrolls sideways


class _Model(QAbstractTableModel):
    def __init__(self, columns: list[Column]) -> None:
        super().__init__()
        self.columns = columns
        self.titles = [column.title for column in columns]
        self.rows: list[Row] = []
        self.movable = False

    def rowCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = _NONE) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        value = self.rows[index.row()].cells.get(self.columns[index.column()].id)
        if role == VALUE:
            return value
        if role == Qt.ItemDataRole.DisplayRole:
            return shown_text(value)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.titles[index.column()]}: {spoken_text(value)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            spoken = spoken_text(value)
            return spoken if spoken != shown_text(value) or len(spoken) > 18 else None
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        """As usual; rows that can be put in another order can be taken hold of."""
        found = super().flags(index)
        return found | Qt.ItemFlag.ItemIsDragEnabled if self.movable and index.isValid() else found

    def mimeTypes(self) -> list[str]:
        return [ROW_MIME]

    def mimeData(self, indexes: Any) -> QMimeData:
        """The id of the row that is dragged; nothing of it leaves the table."""
        data = QMimeData()
        if indexes:
            data.setData(ROW_MIME, self.rows[indexes[0].row()].id.encode())
        return data

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if self.columns[section].align == "right" else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def replace(self, rows: list[Row]) -> None:
        """Show other rows; where the ids are the same, views only repaint."""
        if [row.id for row in rows] == [row.id for row in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def append(self, rows: list[Row]) -> None:
        """More rows at the end."""
        if rows:
            self.beginInsertRows(QModelIndex(), len(self.rows), len(self.rows) + len(rows) - 1)
            self.rows = [*self.rows, *rows]
            self.endInsertRows()


class Table(QTableView):
    """Rows and columns.

    Signals:
        selected: the reader chose another row (its id).
        activated: Enter or double click on a row (its id).
        load_more: the end was reached.
        moved: a row was dragged, or moved by Alt+Up and Alt+Down, to another place (its id, the place from 0); see
            :meth:`set_movable`.
        sort_asked: a heading was pressed (column id, descending). With ``remote_sort`` nothing else happens; without it the
            rows that are here are sorted, and a third press gives their own order back.
    """

    selected = Signal(str)
    activated = Signal(str)  # rows are known by id here, not by index
    load_more = Signal()
    sort_asked = Signal(str, bool)
    moved = Signal(str, int)

    def __init__(self, columns: Sequence[Column], dense: bool = False, multi: bool = False, remote_sort: bool = False) -> None:
        super().__init__()
        self._columns = list(columns)
        self._dense = dense
        self._remote_sort = remote_sort
        self._given: list[Row] = []
        self._sorted: tuple[str, bool] | None = None
        self._silent = False
        self._sized = False
        self._fitting = False
        self._model = _Model(self._columns)
        self.setModel(self._model)
        self._delegate = CellDelegate(self._columns, dense, self)
        self.setItemDelegate(self._delegate)
        self.setAccessibleName("Table")
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setFrameShape(self.Shape.NoFrame)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        mode = QAbstractItemView.SelectionMode
        self.setSelectionMode(mode.ExtendedSelection if multi else mode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setTextElideMode(Qt.TextElideMode.ElideRight)
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setMinimumSectionSize(48)
        head.sectionClicked.connect(self._sort)
        head.sectionResized.connect(self._resized)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.selectionModel().selectionChanged.connect(self._selection_changed)
        self.doubleClicked.connect(lambda index: self._activate(index.row()))
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        for keys, slot in (
            (QKeySequence(QKeySequence.StandardKey.Copy), self.copy_shown),
            (QKeySequence("Ctrl+Shift+C"), self.copy_exact),
            (QKeySequence("Ctrl+E"), self.show_evidence),
        ):
            QShortcut(keys, self, slot, context=Qt.ShortcutContext.WidgetShortcut)
        theme.changed.connect(self._dress)
        privacy.changed.connect(self.viewport().update)
        self._dress()
        self._fit()

    # Rows

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows; what was selected and is still there stays selected, and the place is kept."""
        chosen, current, place = self.selected_ids(), self._current_id(), self.verticalScrollBar().value()
        self._given = list(rows)
        self._silent = True
        try:
            self._model.replace(self._ordered())
            self._restore(chosen, current)
        finally:
            self._silent = False
        self.verticalScrollBar().setValue(place)

    def append_rows(self, rows: Sequence[Row]) -> None:
        """Add rows at the end, as when the owner was asked for more; nothing that is there moves, unless rows are sorted here."""
        if self._sorted is not None and not self._remote_sort:
            self.set_rows([*self._given, *rows])
            return
        self._given += rows
        self._model.append(list(rows))

    def rows(self) -> list[Row]:
        """The rows in the order in which they are shown."""
        return list(self._model.rows)

    def set_title(self, column: str, title: str) -> None:
        """Another heading for a column."""
        for at, known in enumerate(self._columns):
            if known.id == column and self._model.titles[at] != title:
                self._model.titles[at] = title
                self._model.headerDataChanged.emit(Qt.Orientation.Horizontal, at, at)

    def hide_columns(self, ids: Collection[str]) -> None:
        """Leave these columns out, and show all others."""
        wanted = [column.id in ids for column in self._columns]
        if wanted == [self.isColumnHidden(at) for at in range(len(wanted))]:
            return
        self._fitting = True
        for at, hidden in enumerate(wanted):
            self.setColumnHidden(at, hidden)
        self._fitting = False
        self._fit()

    def selected_ids(self) -> list[str]:
        """The ids of the selected rows, as shown from above."""
        model = self.selectionModel()
        rows = sorted(index.row() for index in model.selectedRows()) if model is not None else []
        return [self._model.rows[row].id for row in rows if row < len(self._model.rows)]

    def selected_id(self) -> str:
        """The id of the selected row, or empty."""
        chosen, current = self.selected_ids(), self._current_id()
        return current if current in chosen else chosen[0] if chosen else ""

    def select(self, row_id: str) -> None:
        """Select a row and bring it into sight; no signal is sent."""
        self.select_many([row_id])

    def select_many(self, row_ids: Sequence[str]) -> None:
        """Select several rows; no signal is sent."""
        self._silent = True
        try:
            self._restore(list(row_ids), row_ids[0] if row_ids else "")
        finally:
            self._silent = False
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def _restore(self, chosen: list[str], current: str) -> None:
        places = {row.id: at for at, row in enumerate(self._model.rows)}
        last = len(self._columns) - 1
        selection = QItemSelection()
        for row_id in chosen:
            if row_id in places:
                selection.select(self._model.index(places[row_id], 0), self._model.index(places[row_id], last))
        flags = QItemSelectionModel.SelectionFlag
        if current in places:
            self.selectionModel().setCurrentIndex(self._model.index(places[current], 0), flags.NoUpdate)
        self.selectionModel().select(selection, flags.ClearAndSelect)

    def _current_id(self) -> str:
        row = self.currentIndex().row()
        return self._model.rows[row].id if 0 <= row < len(self._model.rows) else ""

    def _selection_changed(self, *_: object) -> None:
        self.viewport().update()
        if not self._silent:
            self.selected.emit(self.selected_id())

    def _activate(self, row: int) -> None:
        if 0 <= row < len(self._model.rows):
            self.activated.emit(self._model.rows[row].id)

    def _scrolled(self, value: int) -> None:
        bar = self.verticalScrollBar()
        if not self._silent and bar.maximum() > 0 and value >= bar.maximum() - bar.pageStep() // 4:
            self.load_more.emit()

    # Order

    def set_movable(self, movable: bool) -> None:
        """Whether the reader may put the rows in another order; the owner does it when :attr:`moved` asks."""
        self._model.movable = movable
        self.setDragEnabled(movable)
        self.setAcceptDrops(movable)
        self.setDropIndicatorShown(movable)
        self.setDragDropMode(self.DragDropMode.InternalMove if movable else self.DragDropMode.NoDragDrop)
        self.setDragDropOverwriteMode(False)

    @property
    def own_order(self) -> bool:
        """The rows stand as they were given, not sorted by a column."""
        return self._sorted is None

    def move_selected(self, by: int) -> None:
        """Ask for the selected row one place up (−1) or down (1)."""
        chosen = self.selected_id()
        place = next((at for at, row in enumerate(self._model.rows) if row.id == chosen), -1)
        if self._model.movable and self.own_order and place >= 0 and 0 <= place + by < len(self._model.rows):
            self.moved.emit(chosen, place + by)

    def dragMoveEvent(self, event: Any) -> None:
        super().dragMoveEvent(event)
        if self._model.movable and self.own_order and event.source() is self:
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        if not (self._model.movable and self.own_order and event.mimeData().hasFormat(ROW_MIME)):
            return
        row_id = bytes(event.mimeData().data(ROW_MIME).data()).decode()
        before = next((at for at, row in enumerate(self._model.rows) if row.id == row_id), -1)
        at = self.rowAt(event.position().toPoint().y())
        place = len(self._model.rows) - 1 if at < 0 else at
        event.setDropAction(Qt.DropAction.IgnoreAction)  # the owner moves it; Qt must not remove rows
        event.accept()
        if before >= 0 and place != before:
            self.moved.emit(row_id, place)

    def _sort(self, section: int) -> None:
        column = self._columns[section].id
        head = self.horizontalHeader()
        if self._sorted == (column, True) and not self._remote_sort:
            self._sorted = None
            head.setSortIndicatorShown(False)
        else:
            self._sorted = (column, self._sorted is not None and self._sorted == (column, False))
            head.setSortIndicatorShown(True)
            order = Qt.SortOrder.DescendingOrder if self._sorted[1] else Qt.SortOrder.AscendingOrder
            head.setSortIndicator(section, order)
            self.sort_asked.emit(column, self._sorted[1])
        if not self._remote_sort:
            self.set_rows(self._given)

    def _ordered(self) -> list[Row]:
        if self._sorted is None or self._remote_sort:
            return list(self._given)
        column, descending = self._sorted
        return sorted(self._given, key=lambda row: sort_key(row.cells.get(column)), reverse=descending)

    # Copying

    def _value(self) -> object:
        index = self.currentIndex()
        return index.data(VALUE) if index.isValid() else None

    def copy_shown(self) -> None:
        """The selected rows as they are shown, with tabs between the cells."""
        self._copy(shown_text)

    def copy_exact(self) -> None:
        """The selected rows with all decimals, whole addresses and hashes, and ISO times."""
        self._copy(exact_text)

    def _copy(self, form: Any) -> None:
        chosen = set(self.selected_ids())
        lines = [
            "\t".join(form(row.cells.get(column.id)) for column in self._columns) for row in self._model.rows if row.id in chosen
        ]
        if lines:
            QApplication.clipboard().setText("\n".join(lines))

    def copy_value(self) -> None:
        """The exact value of the current cell."""
        if self.currentIndex().isValid():
            QApplication.clipboard().setText(exact_text(self._value()))

    def show_evidence(self) -> None:
        """The evidence of the current row, when it has some."""
        row = self.currentIndex().row()
        if not 0 <= row < len(self._model.rows):
            return
        for value in self._model.rows[row].cells.values():
            if isinstance(value, EvidenceCell):
                below = self.visualRect(self.currentIndex()).bottomLeft()
                self.popover = EvidencePopover(value.evidence, self)
                self.popover.open_at(self.viewport(), below)
                return

    def _menu(self, at: QPoint) -> None:
        index = self.indexAt(at)
        if not index.isValid():
            return
        self.setCurrentIndex(index)
        menu = self.context_menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(at))

    def context_menu(self) -> QMenu:
        """The menu of the current cell."""
        menu = QMenu(self)
        menu.setAccessibleName("Row")
        row = self.currentIndex().row()
        cells = self._model.rows[row].cells.values() if 0 <= row < len(self._model.rows) else ()
        show = menu.addAction("Open")
        show.setShortcut(QKeySequence(Qt.Key.Key_Return))
        show.triggered.connect(lambda: self._activate(row))
        if any(isinstance(value, EvidenceCell) for value in cells):
            evidence = menu.addAction(icon("seal-check"), "Show evidence")
            evidence.setShortcut(QKeySequence("Ctrl+E"))
            evidence.triggered.connect(self.show_evidence)
        menu.addSeparator()
        copy = menu.addMenu(icon("copy"), "Copy")
        value = self._value()
        copy.addAction("Address" if isinstance(value, AddressCell) else "Value, exact").triggered.connect(self.copy_value)
        shown = copy.addAction("Rows as shown")
        shown.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        shown.triggered.connect(self.copy_shown)
        exact = copy.addAction("Rows, exact")
        exact.setShortcut(QKeySequence("Ctrl+Shift+C"))
        exact.triggered.connect(self.copy_exact)
        return menu

    def keyPressEvent(self, event: Any) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._activate(self.currentIndex().row())
            return
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        if step and self._model.movable and event.modifiers() == Qt.KeyboardModifier.AltModifier:
            self.move_selected(step)
            return
        super().keyPressEvent(event)

    # Size

    def _dress(self) -> None:
        self._delegate.dress()
        self.verticalHeader().setDefaultSectionSize(theme.metric("rowDense" if self._dense else "row"))
        self.horizontalHeader().setFixedHeight(theme.metric("tableHeaderRow"))
        self.viewport().update()

    def _fit(self) -> None:
        """Give each column its width, and what is left or missing to all in proportion; what is missing still is scrolled."""
        if self._sized:
            return
        widths = [0 if self.isColumnHidden(at) else column.width or 120 for at, column in enumerate(self._columns)]
        left = self.viewport().width() - sum(widths)
        if widths:
            whole = sum(widths)
            left = max(left, -int(whole * SQUEEZE))
            widths = [width + left * width // whole for width in widths]
        self._fitting = True
        for at, width in enumerate(widths):
            if not self.isColumnHidden(at):
                self.setColumnWidth(at, width)
        self._fitting = False

    def _resized(self, *_: object) -> None:
        self._sized = self._sized or (not self._fitting and self.isVisible())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
