"""The parts every panel is built of.

They show values and say what was asked of them; they know no console and no chain, except that :class:`AccountCombo` asks the
bridge for the accounts. Each has an accessible name and follows the theme while the window is open.
"""

from ui.widgets.basics import (
    BadgeLabel,
    Field,
    IconLabel,
    Note,
    Segmented,
    StatusLabel,
    button,
    danger_button,
    line_edit,
    password_edit,
    primary_button,
)
from ui.widgets.chart import LineChart
from ui.widgets.containers import (
    Card,
    CodeBlock,
    EmptyState,
    ErrorState,
    KeyValue,
    KpiCell,
    KpiStrip,
    LogView,
    Pane,
    Skeleton,
    empty,
    fit_words,
    scrolled,
)
from ui.widgets.evidence import EvidenceChip, EvidencePopover
from ui.widgets.files import FileField, ask_file, ask_folder, ask_save
from ui.widgets.identity import AccountCombo, AddressLabel, AmountLabel, Identicon
from ui.widgets.privacy import privacy
from ui.widgets.qr import QrCode
from ui.widgets.secrets import AddressEdit, SecretView, Watchful, clipboard_guard, forget
from ui.widgets.table import Table
from ui.widgets.values import (
    AddressCell,
    Amount,
    Column,
    EvidenceCell,
    FaintCell,
    HashCell,
    IconCell,
    Row,
    StatusCell,
    TimeCell,
    masked,
    revealed,
)

__all__ = [
    "AddressEdit",
    "AccountCombo",
    "AddressCell",
    "AddressLabel",
    "Amount",
    "AmountLabel",
    "BadgeLabel",
    "Card",
    "CodeBlock",
    "Column",
    "EmptyState",
    "ErrorState",
    "EvidenceCell",
    "EvidenceChip",
    "EvidencePopover",
    "Field",
    "FileField",
    "FaintCell",
    "HashCell",
    "IconCell",
    "IconLabel",
    "Identicon",
    "KeyValue",
    "KpiCell",
    "KpiStrip",
    "LineChart",
    "LogView",
    "Note",
    "Pane",
    "QrCode",
    "Row",
    "SecretView",
    "Segmented",
    "Skeleton",
    "StatusCell",
    "StatusLabel",
    "Table",
    "TimeCell",
    "Watchful",
    "ask_file",
    "ask_folder",
    "ask_save",
    "button",
    "clipboard_guard",
    "danger_button",
    "empty",
    "fit_words",
    "forget",
    "line_edit",
    "masked",
    "password_edit",
    "primary_button",
    "privacy",
    "revealed",
    "scrolled",
]
