"""What the window does when the console locks: everything is covered, and no secret stays where it was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication

from ui.widgets.secrets import clipboard_guard

if TYPE_CHECKING:
    from app.core.errors import ConsoleError
    from ui.shell.lock import LockScreen
    from ui.shell.window import MainWindow


class Locking:
    """Covers and uncovers the window as ``access`` says."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def access_changed(self) -> None:
        """Role or lock are others."""
        window = self._window
        if not window.console_ready:
            return
        access = window.bridge.console.access
        window.top.show_access(access)
        if access.locked and access.passphrase_set:
            if not window.covered:
                self.screen().cover()
                self.screen().read(window.bridge)
            self._set_covered(True)
        elif window.lock_screen is not None:
            window.lock_screen.hide()
            self._set_covered(False)
        window.bars.refresh_status()

    def screen(self) -> LockScreen:
        """The lock screen, made when it is first needed."""
        window = self._window
        if window.lock_screen is None:
            from ui.shell.lock import LockScreen

            window.lock_screen = LockScreen(window)
            window.lock_screen.unlock_asked.connect(self._unlock)
            window.lock_screen.quit_asked.connect(window.close)
        found: LockScreen = window.lock_screen
        return found

    def _set_covered(self, covered: bool) -> None:
        """What lies below the lock screen cannot be reached by Tab either, and a secret in the clipboard is taken out."""
        window = self._window
        for widget in (window.centralWidget(), window.dock, window.menuBar()):
            widget.setEnabled(not covered)
        window.notifications.set_quiet(covered)
        if covered:
            clipboard_guard.clear()
        for top in QApplication.topLevelWidgets() if covered else []:  # dialogs and popovers have windows of their own
            if top is not window and top.isVisible():
                top.close()

    def _unlock(self, passphrase: str) -> None:
        access = self._window.bridge.console.access

        async def unlock() -> None:
            from app.core.secret import Secret

            await access.unlock(Secret(passphrase))

        def refused(error: ConsoleError) -> bool:
            self.screen().refuse(str(error))
            return True

        self._window.bridge.run(unlock, fail=refused, owner=self._window)
