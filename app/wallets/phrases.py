"""Recovery phrases: BIP-39, 12 to 24 words.

A phrase is a secret from its first moment: it is made here, travels as a :class:`Secret`, and only the vault keeps it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from app.core.errors import Invalid
from app.core.secret import Secret

if TYPE_CHECKING:
    from mnemonic import Mnemonic

WORD_COUNTS = (12, 15, 18, 21, 24)
LANGUAGES = (
    "english",
    "chinese_simplified",
    "chinese_traditional",
    "czech",
    "french",
    "italian",
    "japanese",
    "korean",
    "portuguese",
    "spanish",
)


@cache
def _words(language: str) -> Mnemonic:
    from mnemonic import Mnemonic

    return Mnemonic(language)


def new_phrase(words: int = 12) -> Secret:
    """A new English phrase from the operating system's randomness: 128 bits for 12 words, 256 for 24.

    Raises:
        Invalid: another number of words than BIP-39 knows.
    """
    if words not in WORD_COUNTS:
        raise Invalid(
            f"A recovery phrase has 12, 15, 18, 21 or 24 words, not {words}. Nothing was created.",
            "Choose one of these.",
            field="words",
        )
    return Secret(str(_words("english").generate(strength=words * 32 // 3)))


def checked_phrase(phrase: Secret) -> Secret:
    """The phrase in the spelling that BIP-39 hashes (NFKD, single spaces, small letters), after its checksum was checked.

    Raises:
        Invalid: wrong number of words, an unknown word (named by its place, never by its text), or a wrong checksum.
    """
    words = unicodedata.normalize("NFKD", phrase.reveal()).lower().split()
    if len(words) not in WORD_COUNTS:
        raise Invalid(
            f"A recovery phrase has 12, 15, 18, 21 or 24 words; this one has {len(words)}. Nothing was created.",
            "Compare it with the backup.",
            field="phrase",
        )
    spelled = " ".join(words)
    fits = [language for language in LANGUAGES if all(word in _known(language) for word in words)]
    if any(_words(language).check(spelled) for language in fits):
        return Secret(spelled)
    if not fits:
        likely = max(LANGUAGES, key=lambda language: sum(word in _known(language) for word in words))
        wrong = [str(place) for place, word in enumerate(words, 1) if word not in _known(likely)]
        raise Invalid(
            f"Word {', '.join(wrong)} of the phrase is not in BIP-39's {likely.replace('_', ' ')} list. Nothing was created.",
            "Compare these words with the backup, letter by letter.",
            field="phrase",
        )
    raise Invalid(
        "All words are known, but the checksum of the phrase is wrong. Nothing was created.",
        "Two words may be swapped, or one is another word of the list. Compare with the backup.",
        field="phrase",
    )


@cache
def _known(language: str) -> frozenset[str]:
    return frozenset(unicodedata.normalize("NFKD", word) for word in _words(language).wordlist)


def seed_of(phrase: Secret, passphrase: Secret | None = None) -> bytes:
    """The 64-byte seed of BIP-39: PBKDF2-HMAC-SHA512, 2,048 rounds, salt ``mnemonic`` and the optional passphrase (NFKD)."""
    words = unicodedata.normalize("NFKD", phrase.reveal())
    salt = "mnemonic" + (unicodedata.normalize("NFKD", passphrase.reveal()) if passphrase else "")
    return hashlib.pbkdf2_hmac("sha512", words.encode(), salt.encode(), 2048)
