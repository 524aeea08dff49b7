"""What can be seen of one account, a tab each."""

from ui.panels.wallets.tabs.tab import Tab

__all__ = ["Tab"]
