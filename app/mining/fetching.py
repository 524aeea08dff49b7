"""Evidence behind an address: fetched, hashed with SHA-256 as a file is, and never trusted.

Allowed are ``https`` with a certificate that this machine trusts, on public and private networks alike (the console runs at a desk
or in a company's own network), and ``http`` to this machine alone. At most five redirects are followed, each held to the same
rules; none leads from https to http. Bytes are taken as they are: who compresses though asked not to is refused, so that nothing
is unpacked. Nothing is sent along: no cookie, no password, no name.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.core.clock import now_ms
from app.core.errors import Invalid

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from yarl import URL

CHUNK = 1 << 16  # bytes
MOST_ADDRESS = 2_048  # characters
MOST_TYPE = 120  # characters of a content type that are kept
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "Azora-Console"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a fetch may take: bytes, seconds for one and for many ``together``, redirects, and how many run at once."""

    size: int = 256 * 1024 * 1024  # as files of evidence
    seconds: float = 60.0
    together: float = 180.0
    redirects: int = 5
    at_once: int = 8


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave. ``type``: content type as the server says; ``at``: UTC milliseconds; ``head``: its beginning."""

    sha256: bytes
    size: int
    type: str
    at: int
    head: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Missed:
    """Why an address gave nothing, as a sentence. ``never``: what is there can be no evidence, so trying again does not help."""

    why: str
    never: bool = False


def require_address(text: str, *, to_fetch: bool) -> None:
    """Refuse what is no web address that may be kept, or fetched.

    Raises:
        Invalid: no http(s) address, one with a password in it, or, to fetch, plain http to another machine.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    told = "Nothing was queued."
    if parts.scheme.lower() not in ("http", "https") or not host or len(text) > MOST_ADDRESS or not text.isprintable():
        raise Invalid(f"“{text[:60]}” is no web address. {told}", "Write https:// and where it is.", field="url")
    if parts.username is not None or parts.password is not None:
        raise Invalid(
            f"The address holds a user name or password, which would be kept in the queue. {told}", "Leave it out.", field="url"
        )
    if to_fetch and parts.scheme.lower() == "http" and not _is_here(host):
        raise Invalid(
            f"The address is not https, so anybody on the way could change what it gives. {told}",
            "Give its https:// address, or save the file and submit that.",
            field="url",
        )


class Fetcher:
    """Fetches evidence."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    async def fetch(self, address: str, keep: int = 0, seconds: float | None = None) -> Fetched | Missed:
        """Fetch one address and hash what it gives; its first ``keep`` bytes are kept."""
        import aiohttp

        limit = self._limits.seconds if seconds is None else seconds
        try:
            async with (
                asyncio.timeout(limit),
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=None),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    headers=HEADERS,
                ) as session,
            ):
                return await self._follow(session, address, keep)
        except TimeoutError:
            return Missed(f"It was not there within {limit:.0f} s.")
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError):
            return Missed("The certificate of its server is not one that this machine trusts.")
        except aiohttp.ClientConnectorDNSError:
            return Missed("Its server's name is not known.")
        except aiohttp.ClientPayloadError:
            return Missed("The answer broke off before its end.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Missed(f"Its server cannot be reached ({type(error).__name__}).")

    async def fetch_many(self, addresses: Sequence[str]) -> dict[str, Fetched | Missed]:
        """Fetch each address once, several at a time; what is not there when the time for all is up is missed."""
        loop, turn = asyncio.get_running_loop(), asyncio.Semaphore(self._limits.at_once)
        end = loop.time() + self._limits.together

        async def one(address: str) -> Fetched | Missed:
            async with turn:
                left = min(self._limits.seconds, end - loop.time())
                if left <= 0:
                    return Missed("There was no time left for it after the others.")
                return await self.fetch(address, seconds=left)

        distinct = list(dict.fromkeys(addresses))
        return dict(zip(distinct, await asyncio.gather(*map(one, distinct)), strict=True))

    async def _follow(self, session: ClientSession, address: str, keep: int) -> Fetched | Missed:
        from yarl import URL

        here = URL(address)
        for _ in range(self._limits.redirects + 1):
            async with session.get(here, allow_redirects=False) as answer:
                if answer.status not in REDIRECTS:
                    return await self._taken(answer, keep)
                there = here.join(URL(answer.headers.get("Location", "")))
            if not _may_lead(here, there):
                return Missed(
                    "It leads on to an address that is not fetched: only https without a password, and never from https to http."
                )
            here = there
        return Missed(f"It leads on more than {self._limits.redirects} times.")

    async def _taken(self, answer: ClientResponse, keep: int) -> Fetched | Missed:
        if answer.status != HTTPStatus.OK:
            known = next((status.phrase for status in HTTPStatus if status == answer.status), "")
            return Missed(f"Its server answered {answer.status} {known}".rstrip() + ".")
        if answer.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            return Missed("Its server sends it compressed, though asked not to.")
        hashed, size, head = hashlib.sha256(), 0, bytearray()
        async for chunk in answer.content.iter_chunked(CHUNK):
            size += len(chunk)
            if size > self._limits.size:
                return Missed(f"It is larger than {self._limits.size // 2**20} MiB.", never=True)
            hashed.update(chunk)
            head += chunk[: max(0, keep - len(head))]
        if not size:
            return Missed("It is empty.", never=True)
        said = "".join(letter for letter in answer.headers.get("Content-Type", "") if letter.isprintable())
        return Fetched(hashed.digest(), size, said[:MOST_TYPE], now_ms(), bytes(head))


def _may_lead(here: URL, there: URL) -> bool:
    if not there.host or there.scheme not in ("http", "https") or there.user is not None or there.password is not None:
        return False
    return there.scheme == "https" or (here.scheme == "http" and _is_here(there.host))


def _is_here(host: str) -> bool:
    """This machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
