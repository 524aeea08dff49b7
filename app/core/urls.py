"""Addresses as they may be shown: endpoints of providers carry their key in the user part, the path or the query."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

HIDDEN = "…"
_KEY = re.compile(r"(?=[\w.~%-]{16,}$)(?=.*\d)[\w.~%-]+")  # a path segment that is no word: long, with digits


def shown_url(url: str) -> str:
    """The URL without user part, without path segments that look like keys, and without the values of its query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return HIDDEN
    host = f"[{host}]" if ":" in host else host
    user = f"{HIDDEN}@" if "@" in parts.netloc else ""
    path = "/".join(HIDDEN if _KEY.fullmatch(segment) else segment for segment in parts.path.split("/"))
    query = "&".join(f"{pair.partition('=')[0]}={HIDDEN}" if "=" in pair else HIDDEN for pair in parts.query.split("&") if pair)
    return urlunsplit((parts.scheme, f"{user}{host}{port}", path, query, ""))


def without_url(text: str, url: str) -> str:
    """A text in which the URL, wherever it stands, is as :func:`shown_url` shows it; its keys alone are hidden too."""
    text = text.replace(url, shown_url(url))
    try:
        parts = urlsplit(url)
        secrets = [parts.password or "", *(part for part in parts.path.split("/") if _KEY.fullmatch(part))]
    except ValueError:
        return text
    secrets += [pair.partition("=")[2] for pair in parts.query.split("&")]
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, HIDDEN)
    return text
