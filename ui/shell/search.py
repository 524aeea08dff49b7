"""What the global search finds besides commands: accounts, contacts, plans, and what an address or a transaction hash leads to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ui.actions import Hit, Registry

if TYPE_CHECKING:
    from app.console import Console

MOST = 8
PLANS = 200  # the newest are looked through
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


def register(registry: Registry, console: Console) -> None:
    """Let the palette find what this console holds."""

    async def accounts(text: str) -> list[Hit]:
        wanted = text.casefold()
        return [
            Hit(account.label, account.address, "wallet", f"azora://wallets/{account.address}")
            for account in await console.wallets.list()
            if wanted in account.label.casefold() or wanted in account.address.casefold()
        ][:MOST]

    async def contacts(text: str) -> list[Hit]:
        wanted = text.casefold()
        return [
            Hit(contact.label, f"Send to {contact.address}", "address-book", f"azora://wallets?form=send&to={contact.address}")
            for contact in await console.wallets.contacts()
            if wanted in contact.label.casefold() or wanted in contact.address.casefold()
        ][:MOST]

    async def plans(text: str) -> list[Hit]:
        wanted = text.casefold()
        return [
            Hit(plan.title, f"{plan.name}, {plan.state}", "list-checks", f"azora://plans/{plan.name}")
            for plan in await console.operations.page(limit=PLANS)
            if wanted in plan.title.casefold() or wanted in plan.name.casefold()
        ][:MOST]

    async def references(text: str) -> list[Hit]:
        kind, word = ("tx", "Transaction") if _HASH.fullmatch(text) else ("address", "Address")
        if not (_HASH.fullmatch(text) or _ADDRESS.fullmatch(text)):
            return []
        return [Hit(f"{word} {text[:6]}…{text[-4:]}", "Ledger", "scroll", f"azora://ledger/{kind}/{text}")]

    registry.add_search("accounts", accounts)
    registry.add_search("contacts", contacts)
    registry.add_search("plans", plans)
    registry.add_search("references", references)
