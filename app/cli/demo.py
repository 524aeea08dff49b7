"""The demo economy without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.support import CHECK_FAILED, leave, progress, run, show, table

if TYPE_CHECKING:
    from app.console import Console


def demo() -> None:
    """Run a whole small economy on a local chain: keys, contracts, mint, transfer, redemption, ledger, proofs. Labelled demo."""

    async def work(console: Console):  # type: ignore[no-untyped-def]
        return await console.demo.run(lambda text, _fraction: progress(text))

    result = run(work)
    show(
        result,
        people=lambda: (
            "DEMO\n"
            + table(("", "Check", "Detail"), [("ok" if c.ok else "FAILED", c.name, c.detail) for c in result.checks], empty="")
        ),
    )
    leave(0 if all(check.ok for check in result.checks) else CHECK_FAILED)
