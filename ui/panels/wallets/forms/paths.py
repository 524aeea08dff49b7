"""Where a phrase keeps its accounts: the derivation path, for a new and for a restored wallet alike."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from ui.widgets import Field, line_edit

PATHS = (
    ("bip44", "Ethereum, BIP-44", "m/44'/60'/0'/0/0 and on: MetaMask, Rabby, Trezor and most others"),
    ("ledger-live", "Ledger Live", "m/44'/60'/0'/0/0, m/44'/60'/1'/0/0 and on"),
    ("ledger-legacy", "Ledger, before Live", "m/44'/60'/0'/0, m/44'/60'/0'/1 and on"),
    ("", "Another path", "The place of the account is written {index}"),
)


class PathChoice(QWidget):
    """One of the known paths, or any with ``{index}``."""

    def __init__(self, name: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        self.choice = QComboBox()
        self.choice.setObjectName(f"{name}.path_kind")
        self.choice.setAccessibleName("Path of the accounts")
        for value, words, _ in PATHS:
            self.choice.addItem(words, value)
        self.field = Field("Path", self.choice, PATHS[0][2])
        self.other = line_edit(f"{name}.path", "Path with {index}")
        self.other.setPlaceholderText("m/44'/60'/0'/0/{index}")
        self.other_field = Field("Path with {index}", self.other, "A ' or h marks a hardened part")
        self.other_field.hide()
        column.addWidget(self.field)
        column.addWidget(self.other_field)
        self.choice.currentIndexChanged.connect(self._chosen)

    def _chosen(self, at: int) -> None:
        self.field.set_hint(PATHS[at][2])
        self.other_field.setVisible(not PATHS[at][0])

    def path(self) -> str:
        """What the service is asked for."""
        return str(self.choice.currentData()) or self.other.text().strip()
