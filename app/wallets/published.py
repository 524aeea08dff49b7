"""The phrase that every development node publishes, and the addresses of a phrase without keeping it.

Whoever knows a test phrase holds its accounts: they are for local chains only.
"""

from __future__ import annotations

import asyncio

from app.core.secret import Secret
from app.wallets import keys, phrases

TEST_PHRASE = "test test test test test test test test test test test junk"


async def addresses_of(count: int, phrase: Secret | None = None) -> tuple[str, ...]:
    """The first addresses of a phrase at Ethereum's path (BIP-44); without one, of the published test phrase. Nothing is kept.

    Raises:
        Invalid: the phrase fails BIP-39.
    """
    checked = phrases.checked_phrase(phrase or Secret(TEST_PHRASE))
    return await asyncio.to_thread(_derived, checked, count)


def _derived(phrase: Secret, count: int) -> tuple[str, ...]:
    master = keys.ExtendedKey.from_seed(phrases.seed_of(phrase))
    template = keys.path_template(keys.ETHEREUM_PATH)
    return tuple(keys.address_of(master.derive(keys.path_at(template, index)).key) for index in range(count))
