"""Recovery phrases: BIP-39, 12 to 24 words, in every language that it has a list for.

A phrase is a secret from its first moment: it is made here, travels as a :class:`Secret`, and only the vault keeps it. No error
repeats a word of it: words are named by their places.
"""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
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
MOST_COMPLETIONS = 8
ASKED = 3  # words of the backup check


@dataclass(frozen=True, slots=True)
class PhraseState:
    """How far a phrase that is being typed is right. Places count from 1; it holds no word but possible last ones.

    Attributes:
        count: words typed.
        unknown: places of words that are not in the list of the language.
        checksum: ``ok``, ``wrong``, or ``incomplete`` while words are missing or unknown.
        last_words: when exactly one word is missing, those that would complete the checksum; else empty. As secret as the phrase.
        language: the list that most of the words are in.
    """

    count: int
    unknown: tuple[int, ...]
    checksum: str
    last_words: tuple[str, ...]
    language: str

    def __repr__(self) -> str:
        return f"PhraseState(count={self.count}, unknown={self.unknown}, checksum={self.checksum})"


class BackupCheck:
    """Random words of a new phrase, to be given back from its backup. Only an answered check lets a new phrase be used.

    Attributes:
        places: which words are asked, counted from 1, ascending.
    """

    __slots__ = ("_phrase", "answered", "places")

    def __init__(self, phrase: Secret, asked: int = ASKED) -> None:
        self._phrase = phrase
        count = len(phrase.reveal().split())
        self.places = tuple(sorted(place + 1 for place in secrets.SystemRandom().sample(range(count), min(asked, count))))
        self.answered = False

    def answer(self, words: Sequence[Secret]) -> None:
        """Give the asked words, in the order of :attr:`places`.

        Raises:
            Invalid: one is not the word at its place (``field`` is the number of the answer, from 0); the check stays open.
        """
        right = self._phrase.reveal().split()
        if len(words) != len(self.places):
            raise Invalid(f"The check asks for {len(self.places)} words. Nothing was created.", "Give each of them.", field="0")
        for number, (place, word) in enumerate(zip(self.places, words, strict=True)):
            given = unicodedata.normalize("NFKD", word.reveal()).strip().lower()
            if not secrets.compare_digest(given.encode(), unicodedata.normalize("NFKD", right[place - 1]).encode()):
                raise Invalid(
                    f"This is not word {place} of the phrase. Nothing was created.", "Compare your copy.", field=f"{number}"
                )
        self.answered = True

    def proves(self, phrase: Secret) -> bool:
        """Whether it was answered, and for this very phrase."""
        return self.answered and self._phrase == phrase

    def __repr__(self) -> str:
        return f"BackupCheck(places={self.places}, answered={self.answered})"


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


def complete(prefix: str, language: str = "english") -> list[str]:
    """The first eight words of a list that begin with ``prefix`` (NFKD, small letters); none for an empty one.

    Raises:
        Invalid: BIP-39 has no list of that language.
    """
    start = unicodedata.normalize("NFKD", prefix).strip().lower()
    if language not in LANGUAGES:
        raise Invalid(f"BIP-39 has no word list “{language}”.", "Choose one of " + ", ".join(LANGUAGES) + ".", field="language")
    if not start:
        return []
    ordered = _ordered(language)
    at = bisect_left(ordered, start)
    return [word for word in ordered[at : at + MOST_COMPLETIONS] if word.startswith(start)]


def suggestions(prefix: str, likely: str = "english") -> list[str]:
    """As :func:`complete`, from the list of ``likely`` or else the first that has such words; composed (NFC), as they are typed."""
    found = (complete(prefix, language) for language in (likely, *LANGUAGES))
    return [unicodedata.normalize("NFC", word) for word in next(filter(None, found), [])]


def judge(words: Sequence[str], language: str = "") -> PhraseState:
    """How far the words typed so far make a phrase.

    Args:
        language: the list to hold them against; empty takes the one that knows most of them.
    """
    typed = [unicodedata.normalize("NFKD", word).strip().lower() for word in words]
    spoken = language or max(LANGUAGES, key=lambda each: sum(word in _known(each) for word in typed))
    unknown = tuple(place for place, word in enumerate(typed, 1) if word not in _known(spoken))
    if unknown or not typed:
        return PhraseState(len(typed), unknown, "incomplete", (), spoken)
    if len(typed) in WORD_COUNTS:
        # The same words may stand in two lists (both Chinese ones, some of English and French): any that fits is right.
        fits = [each for each in LANGUAGES if all(word in _known(each) for word in typed)]
        right = any(_words(each).check(" ".join(typed)) for each in fits)
        return PhraseState(len(typed), (), "ok" if right else "wrong", (), spoken)
    last = _last_words(typed, spoken) if len(typed) + 1 in WORD_COUNTS else ()
    return PhraseState(len(typed), (), "incomplete", last, spoken)


def _last_words(typed: Sequence[str], language: str) -> tuple[str, ...]:
    """Every word that completes the checksum: 128 of them after 11 words, 8 after 23 (BIP-39: one checksum bit per 32 bits)."""
    places = _places(language)
    total = (len(typed) + 1) * 11
    check_bits = total // 33
    free_bits = 11 - check_bits
    known = 0
    for word in typed:
        known = known << 11 | places[word]
    found = []
    listed = _words(language).wordlist
    for tail in range(1 << free_bits):
        entropy = (known << free_bits | tail).to_bytes((total - check_bits) // 8, "big")
        checksum = hashlib.sha256(entropy).digest()[0] >> (8 - check_bits)
        found.append(str(listed[tail << check_bits | checksum]))
    return tuple(found)


@cache
def _places(language: str) -> dict[str, int]:
    return {unicodedata.normalize("NFKD", word): place for place, word in enumerate(_words(language).wordlist)}


@cache
def _ordered(language: str) -> list[str]:
    return sorted(_known(language))


def bundled(phrase: Secret, passphrase: Secret | None) -> Secret:
    """One item for the vault: the phrase, and the passphrase on the lines after it. A phrase never has a line break."""
    return Secret(f"{phrase.reveal()}\n{passphrase.reveal()}") if passphrase else phrase


def unbundled(kept: Secret) -> tuple[Secret, Secret | None]:
    """Phrase and passphrase of a vault item."""
    phrase, broken, passphrase = kept.reveal().partition("\n")
    return Secret(phrase), Secret(passphrase) if broken else None


def seed_of(phrase: Secret, passphrase: Secret | None = None) -> bytes:
    """The 64-byte seed of BIP-39: PBKDF2-HMAC-SHA512, 2,048 rounds, salt ``mnemonic`` and the optional passphrase (NFKD)."""
    words = unicodedata.normalize("NFKD", phrase.reveal())
    salt = "mnemonic" + (unicodedata.normalize("NFKD", passphrase.reveal()) if passphrase else "")
    return hashlib.pbkdf2_hmac("sha512", words.encode(), salt.encode(), 2048)
