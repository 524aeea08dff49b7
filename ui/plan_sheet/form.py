"""What a panel gives the sheet to ask for a plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ui.widgets import Field

if TYPE_CHECKING:
    from app.core.errors import ConsoleError


class PlanForm(QWidget):
    """The first step of the sheet: the fields of one thing to do.

    A form whose :meth:`work` gives a ``Plan`` goes on to Preview. A form of an edit (a watched address, a submitted proof) gives
    anything else: then :meth:`finished` hears it and the sheet closes.

    Attributes:
        title: heading of the sheet.
        context: second line under the title.
        primary: the button that goes on.
        hint: what stands beside it in the footer.
        planned: it leads to a plan; of an edit the sheet shows no steps.
        stays: the form is not put away after :meth:`finished`: it shows its answer itself.
    """

    title = ""
    context = "Nothing is stored yet"
    primary = "Preview"
    hint = ""
    stays = False
    planned = True
    ready = Signal(bool, str)  # may the primary button be pressed, and if not why

    def work(self) -> Callable[[], Awaitable[Any]]:
        """Check the fields and give the coroutine function that makes the plan.

        Raises:
            Invalid: a field is wrong; ``error.field`` names it.
        """
        raise NotImplementedError

    def finished(self, result: Any) -> None:
        """Hear what :meth:`work` gave, when that was no plan."""

    def first_field(self) -> QWidget | None:
        """The field that gets the focus."""
        for field in self.findChildren(Field):
            inner = field.widget
            if inner.isVisibleTo(self) and inner.isEnabled():
                return inner
        return None

    def show_error(self, error: ConsoleError) -> bool:
        """Put the error beside the field it names; False when no field of this form has that name."""
        self.clear_errors()
        for field in self.findChildren(Field):
            if error.field and field.widget.objectName().rpartition(".")[2] == error.field:
                field.set_error(str(error))
                field.widget.setFocus()
                return True
        return False

    def clear_errors(self) -> None:
        """Forget what was said about the fields."""
        for field in self.findChildren(Field):
            field.set_error("")
