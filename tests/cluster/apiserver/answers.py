"""Bodies of answers, in the words of the recorded server."""

from __future__ import annotations

from typing import Any

from aiohttp import web


class Refused(Exception):
    """An answer of 400 or above."""

    def __init__(self, code: int, reason: str, message: str, *, details: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details, self.headers = code, reason, message, details, headers or {}

    @property
    def status(self) -> dict[str, Any]:
        body: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return {**body, "code": self.code}

    def response(self) -> web.StreamResponse:
        return web.json_response(self.status, status=self.code, headers={"Cache-Control": "no-cache, private", **self.headers})


class Plain(Exception):
    """An answer in plain text."""

    def __init__(self, code: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.code, self.text, self.headers = code, text, headers or {}

    def response(self) -> web.StreamResponse:
        return web.Response(
            status=self.code,
            text=self.text,
            headers={"Cache-Control": "no-cache, private", "X-Content-Type-Options": "nosniff", **self.headers},
        )


def details(resource: Any, name: str = "") -> dict[str, Any]:
    found = {"name": name} if name else {}
    if resource.group:
        found["group"] = resource.group
    return {**found, "kind": resource.plural}


def not_found(resource: Any, name: str) -> Refused:
    return Refused(404, "NotFound", f'{resource.qualified} "{name}" not found', details=details(resource, name))


def modified(resource: Any, name: str) -> Refused:
    return Refused(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": the object has been modified; please apply your changes '
        "to the latest version and try again",
        details=details(resource, name),
    )


def expired(oldest: int, asked: int) -> dict[str, Any]:
    return Refused(410, "Expired", f"too old resource version: {asked} ({oldest})").status


def invalid(resource: Any, name: str, causes: list[tuple[str, str, str]]) -> Refused:
    """``causes``: reason, field, message."""
    said = [f"{field}: {message}" for _, field, message in causes]
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    about: dict[str, Any] = {"name": name}
    if resource.group:
        about["group"] = resource.group
    about["kind"] = resource.kind
    about["causes"] = [{"reason": reason, "message": message, "field": field} for reason, field, message in causes]
    return Refused(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details=about)
