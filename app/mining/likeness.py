"""Proofs that are not the same and yet perhaps the same work: one address spelled in two ways, one activity twice within an hour.

Only a notice for the reviewer: nothing is refused for it.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

NEAR = 3_600_000  # ms
DEFAULT_PORTS = {"http": 80, "https": 443}
TRACKING = ("utm_", "fbclid", "gclid", "mc_eid", "ref_src")


def plain_url(text: str) -> str:
    """A web address without what does not change where it leads.

    Left out are the scheme, ``www.``, a default port, letter case of the host, a trailing slash, the fragment, and parameters that
    only track readers; parameters stand in order. For comparing, not for opening; what is no web address stays as it is.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return text.strip()
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not parts.hostname:
        return text.strip()
    host = parts.hostname.removeprefix("www.")
    place = host if port in (None, DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    query = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if not name.lower().startswith(TRACKING)
    ]
    asked = f"?{urlencode(sorted(query))}" if query else ""
    return f"{place}{parts.path.rstrip('/')}{asked}"
