"""A network as somebody describes it: what the form, the command line and a project's configuration are made into."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from app.core.errors import Invalid
from app.core.settings import NetworkSetting

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def described(name: str, rpc_url: str, chain_id: int, environment: str) -> NetworkSetting:
    """The setting of a network of that name. Local chains count a block as final at once, others after six.

    Raises:
        Invalid: something does not fit; ``field`` names it. The address, which may carry a key, is never in the sentence.
    """
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split())[:40].strip("-")
    fields: dict[str, Any] = {"rpc_url": rpc_url, "chain_id": chain_id, "environment": environment}
    try:
        return NetworkSetting(
            id=slug or f"chain-{chain_id}",
            name=name.strip() or slug or f"chain-{chain_id}",
            confirmations=1 if environment == "local" else 6,
            **fields,
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field, why = str(first["loc"][0]), str(first["msg"]).removeprefix("Value error, ")
        raise Invalid(f"{field} does not fit: {why}. Nothing was added.", "Correct it.", field=field) from None


def environment_of(rpc_url: str) -> str:
    """What to suppose of an address until somebody says: ``local`` on this computer, else ``production``, the careful one."""
    try:
        return "local" if urlsplit(rpc_url).hostname in LOOPBACK else "production"
    except ValueError:
        return "production"
