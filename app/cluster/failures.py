"""What an API server refuses, in the console's kinds of error.

Bodies are a ``Status`` object, or plain text: a 404 of an unknown group, the 503 of an aggregated API without its backend, the
429 of priority and fairness.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Conflict, ConsoleError, Denied, Invalid, NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason of a refusal. ``field`` is a path such as ``.spec.replicas``; ``reason`` such as ``FieldManagerConflict``."""

    reason: str
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What the server said. ``status`` is the HTTP status, 0 when none came; ``retry_after`` in seconds, or None."""

    status: int
    reason: str
    message: str
    causes: tuple[Cause, ...] = ()
    retry_after: float | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def owned_by_others(self) -> bool:
        """A server-side apply met fields of another manager (and was not just late)."""
        return any(cause.reason == "FieldManagerConflict" for cause in self.causes)


class ApiError(ConsoleError):
    """An API server refused or did not answer. ``failure`` holds what it said."""

    def __init__(self, message: str, remedy: str = "", *, failure: Failure, retryable: bool = False) -> None:
        super().__init__(message, remedy, retryable=retryable, details={"status": failure.status, "reason": failure.reason})
        self.failure = failure


class ApiInvalid(ApiError, Invalid):
    """The request cannot be right (400, 405, 406, 415, 422)."""


class ApiNotFound(ApiError, NotFound):
    """The object, or the whole API, is not there (404)."""


class ApiConflict(ApiError, Conflict):
    """Somebody else changed it or owns the field (409)."""


class ApiDenied(ApiError, Denied):
    """This identity is not known (401) or may not do it (403)."""


class ApiUnavailable(ApiError, Unavailable):
    """The server did not answer, or not now (429, 5xx, no connection)."""


class ApiGone(ApiUnavailable):
    """The history that was asked for is no longer kept (410)."""


def read_failure(status: int, body: bytes, retry_after: str = "") -> Failure:
    """What an answer of 400 or above says; plain text is taken as the message. Other JSON has it in ``message``, or is it whole.

    Only the list of all paths, with which old servers answer an unknown one, says nothing.
    """
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("kind") != "Status":
        whole = body.decode("utf-8", "replace")
        text = str(found.get("message", "" if "paths" in found else whole)) if isinstance(found, dict) else whole
        text = _page_words(text.strip())[:2000]
        return Failure(status, "", text, retry_after=_seconds(retry_after))
    details = found.get("details") or {}
    causes = tuple(
        Cause(cause.get("reason", ""), cause.get("field", ""), cause.get("message", "")) for cause in details.get("causes") or ()
    )
    wait = _seconds(retry_after) if retry_after else _seconds(str(details.get("retryAfterSeconds", "")))
    return Failure(status, found.get("reason", ""), found.get("message", ""), causes, wait, found)


def _page_words(text: str) -> str:
    """Of a page of the web, as proxies answer with, only its title."""
    if not text[:15].lower().startswith(("<!doctype", "<html", "<head")):
        return text
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    words = " ".join(html.unescape(title[1]).split()) if title else ""
    return f"a page of the web and no API server answers{f', “{words[:200]}”' if words else ''}"


def error_of(failure: Failure, context: str, asked: str = "") -> ApiError:
    """The error of ours for a failure. ``asked``: what was asked, in words; nothing is said to be done that was not."""
    about = f" ({asked})" if asked else ""
    said = failure.message.rstrip(".") or f"status {failure.status}"
    match failure.status:
        case 401:
            return ApiDenied(
                f"The cluster {context} does not accept this identity: it is unknown, or its credentials have expired. "
                "Nothing was done.",
                "Sign in again with your cluster's tool, then connect again.",
                failure=failure,
            )
        case 403:
            return ApiDenied(
                f"The cluster {context} does not allow it{about}: {said}. Nothing was done.",
                "Ask whoever runs the cluster for the right, or use another context.",
                failure=failure,
            )
        case 404:
            return ApiNotFound(f"The cluster {context} does not have it{about}: {said}. Nothing was done.", failure=failure)
        case 409 if failure.owned_by_others:
            owned = "; ".join(f"{cause.field}: {cause.message}" for cause in failure.causes)
            return ApiConflict(
                f"Others own fields that this would change: {owned}. Nothing was changed.",
                "Leave these fields out, or take them over on purpose.",
                failure=failure,
            )
        case 409:
            return ApiConflict(
                f"The cluster {context} refused{about}: {said}. Nothing was changed.",
                "Read it again, then preview again.",
                failure=failure,
                retryable=True,
            )
        case 410:
            return ApiGone(
                f"The cluster {context} no longer keeps that history{about}. Nothing was done.", failure=failure, retryable=True
            )
        case 429:
            return ApiUnavailable(
                f"The cluster {context} asks to wait{about}: {said}. Nothing was done.",
                "Try again in a moment.",
                failure=failure,
                retryable=True,
            )
        case status if 400 <= status < 500:
            return ApiInvalid(f"The cluster {context} refused{about}: {said}. Nothing was changed.", failure=failure)
        case _:
            return ApiUnavailable(
                f"The cluster {context} could not answer{about}: {said}.",
                "Try again when it is back."
                if not failure.status or asked.startswith(("GET", "watch"))
                else "What it did is not known; read again before trying again.",
                failure=failure,
                retryable=True,
            )


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 86_400 else None
