"""Console passphrase and lock, the keyring's state, and the role one acts in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QCheckBox, QLabel, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from app.core.errors import ConsoleError
from ui.widgets import Field, Note, Segmented, StatusLabel, button, password_edit

if TYPE_CHECKING:
    from ui.panels.settings.panel import SettingsPanel

_ROLES = (("administrator", "Administrator"), ("auditor", "Auditor"), ("developer", "Developer"))
_KEYRING = {"available": ("ok", "Available"), "locked": ("pend", "Locked by the system"), "unavailable": ("err", "Not available")}


class SecuritySection(QWidget):
    """Console lock and keyring are two things, and stand apart."""

    def __init__(self, panel: SettingsPanel) -> None:
        super().__init__()
        self._panel = panel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        self.role = Segmented(_ROLES)
        self.role.setObjectName("settings.role")
        self.role.setAccessibleName("Role")
        self.role.changed.connect(self._set_role)
        layout.addWidget(Field("Role", self.role, "Auditors plan and preview, never confirm. Developers do not act on production."))
        heading = QLabel("Console passphrase")
        heading.setProperty("role", "heading")
        layout.addWidget(heading)
        self.state = QLabel("")
        self.state.setWordWrap(True)
        self.state.setObjectName("settings.passphrase.state")
        layout.addWidget(self.state)
        self.old: QLineEdit = password_edit("settings.passphrase.old", "Present passphrase")
        self.old_field = Field("Present passphrase", self.old, "")
        self.new: QLineEdit = password_edit("settings.passphrase.new", "New passphrase")
        self.new_field = Field("New passphrase", self.new, "Empty removes it. Keyring items are encrypted anew with it.")
        self.again: QLineEdit = password_edit("settings.passphrase.again", "New passphrase again")
        self.again_field = Field("New passphrase again", self.again, "")
        for field in (self.old_field, self.new_field, self.again_field):
            field.setMaximumWidth(420)
            layout.addWidget(field)
        self.apply = button("Set passphrase")
        self.apply.setObjectName("settings.passphrase.apply")
        self.apply.clicked.connect(self._set_passphrase)
        layout.addWidget(self.apply)
        self.minutes = QSpinBox()
        self.minutes.setRange(0, 1440)
        self.minutes.setSuffix(" min")
        self.minutes.setSpecialValueText("Never")
        self.minutes.setObjectName("settings.lock_after")
        self.minutes.setAccessibleName("Lock after idle minutes")
        self.minutes.setMaximumWidth(140)
        self.minutes.editingFinished.connect(lambda: panel.set("console.lock_after_minutes", self.minutes.value()))
        layout.addWidget(Field("Lock when idle for", self.minutes, "Locking drops what is unlocked and hides every figure"))
        self.sleep = QCheckBox("Lock when the computer sleeps or its screen is locked")
        self.sleep.setObjectName("settings.lock_on_sleep")
        self.sleep.clicked.connect(lambda on: panel.set("console.lock_on_sleep", on))
        layout.addWidget(self.sleep)
        heading = QLabel("System keyring")
        heading.setProperty("role", "heading")
        layout.addWidget(heading)
        self.keyring = StatusLabel("idle", "Not checked yet")
        self.keyring.setObjectName("settings.keyring")
        layout.addWidget(self.keyring)
        self.why = Note("info", "Keys live in the system's keyring only. It asks for its own password by itself.")
        layout.addWidget(self.why)
        layout.addStretch(1)

    def refresh(self) -> None:
        """Show access and keyring as they are."""
        access = self._panel.bridge.console.access
        self.role.set_value(access.operator.role.value)
        known = access.passphrase_set
        self.state.setText(
            "A passphrase is set. Unlocking, revealing and signing ask for it."
            if known
            else "No passphrase is set: the lock hides figures, but anyone can unlock it."
        )
        self.old_field.setVisible(known)
        self.apply.setText("Change passphrase" if known else "Set passphrase")
        if not self.minutes.hasFocus():
            self.minutes.setValue(self._panel.bridge.console.settings.value.console.lock_after_minutes)
        self.sleep.setChecked(self._panel.bridge.console.settings.value.console.lock_on_sleep)
        vault = self._panel.bridge.console.vault
        self._panel.bridge.run(lambda: vault.state(), then=self._show_keyring, owner=self)

    def _show_keyring(self, status: Any) -> None:
        state, word = _KEYRING.get(status.state.value, ("idle", "Unknown"))
        self.keyring.set_state(state, f"{word}, {status.backend}" + (", ephemeral" if status.ephemeral else ""))
        if status.why:
            self.why.set_text(status.why)

    def _set_role(self, role: str) -> None:
        access = self._panel.bridge.console.access

        async def change() -> None:
            from app.access import Role

            await access.set_role(Role(role))

        self._panel.bridge.run(change, then=lambda _: self.refresh(), owner=self)

    def _set_passphrase(self) -> None:
        self.again_field.set_error("")
        self.old_field.set_error("")
        if self.new.text() != self.again.text():
            self.again_field.set_error("The two are not the same. Nothing was changed.")
            return
        old, new = self.old.text(), self.new.text()
        access = self._panel.bridge.console.access

        async def change() -> None:
            from app.core.secret import Secret

            await access.set_passphrase(Secret(old) if old else None, Secret(new) if new else None)

        def done(_: object) -> None:
            for edit in (self.old, self.new, self.again):
                edit.clear()
            self._panel.window_.notify("The console passphrase was changed" if new else "The console passphrase was removed", "ok")
            self.refresh()

        def failed(error: ConsoleError) -> bool:
            (self.old_field if access.passphrase_set else self.new_field).set_error(str(error))
            return True

        self._panel.bridge.run(change, then=done, fail=failed, label="Setting the passphrase", owner=self)
