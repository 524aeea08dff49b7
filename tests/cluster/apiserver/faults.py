"""What may go wrong, on demand."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field


@dataclass
class Refusal:
    """The next ``times`` requests whose ``METHOD path?query`` matches get this answer."""

    pattern: str
    status: int
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1


@dataclass
class Faults:
    """The switches of a test.

    Attributes:
        etcd_down: consistent reads and writes hang, ``resourceVersion=0`` is answered from memory, livez says so.
        warming: just after a restart: everybody but administrators gets 403, custom resources 503.
        unauthorized: every credential is refused (401).
        silent: watches stay open and deliver nothing.
        hang: requests get no answer at all.
        metrics_down: the aggregated metrics API has no backend.
        incomplete_rules: the rules of an identity are not listed, as behind a webhook authorizer.
        inconsistent: continue tokens are answered with 410 and an inconsistent token.
    """

    etcd_down: bool = False
    warming: bool = False
    unauthorized: bool = False
    silent: bool = False
    hang: bool = False
    metrics_down: bool = False
    incomplete_rules: bool = False
    inconsistent: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    healed: asyncio.Event = field(default_factory=asyncio.Event)

    def refuse(self, pattern: str, status: int, body: str = "", **more: object) -> Refusal:
        refusal = Refusal(pattern, status, body, **more)  # type: ignore[arg-type]
        self.refusals.append(refusal)
        return refusal

    def taken(self, line: str) -> Refusal | None:
        for refusal in self.refusals:
            if re.search(refusal.pattern, line):
                refusal.times -= 1
                if refusal.times <= 0:
                    self.refusals.remove(refusal)
                return refusal
        return None

    def heal(self) -> None:
        """End everything that hangs, and switch all off."""
        self.etcd_down = self.warming = self.unauthorized = self.silent = self.hang = self.metrics_down = False
        self.inconsistent = 0
        self.refusals.clear()
        self.healed.set()
        self.healed = asyncio.Event()
