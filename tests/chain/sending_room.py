"""A console that sends, over a node: ``python -m tests.chain.sending_room HOME URL run|batch|speed_up|cancel|recover [COUNT]``.

Plans of the kind ``test.send`` pay one wei to a recipient per step; ``test.batch`` pays many in one step.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from app.chain.transactions import TransactionRequest
from app.core.events import Event, Notice
from app.operations.plans import Effect, Plan, Preview
from app.operations.steps import PlanKind
from tests.contracts import deploy_program


def recipient(number: int) -> str:
    """The n-th recipient."""
    from app.chain.hashing import checksum_address

    return checksum_address(bytes([0xAA] * 12) + (number + 1).to_bytes(8, "big"))


class Room(deploy_program.Room):
    """Everything that sends, and what it told."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder, url)
        self.told: list[Event] = []
        self.bus.subscribe(Event, self.told.append)
        kinds = ("test.send", "test.batch")
        for kind in kinds:
            roles, repeats = frozenset({"administrator", "developer"}), self.transactions.repeats
            self.operations.register_kind(PlanKind(kind, self._preview, self._measure, roles, repeats=repeats))

    @property
    def notices(self) -> list[str]:
        """The texts of the notices."""
        return [event.text for event in self.told if isinstance(event, Notice)]

    async def _preview(self, plan: Plan) -> Preview:
        return Preview(effects=(Effect("state", "world", "", "paid"),), method="dry run")

    async def _measure(self, plan: Plan) -> tuple[Effect, ...]:
        return (Effect("state", "world", "", "paid"),)

    async def planned_send(self, *numbers: int, value: int = 1, data: str = "0x") -> Plan:
        """One step a recipient."""
        network = self.networks.get("anvil")
        steps = [
            self.transactions.step(network, self.deployer, recipient(n), data=data, value=value, title=f"Pay {n}") for n in numbers
        ]
        return await self.operations.plan("test.send", "Pay", network.target(), {"numbers": list(numbers)}, steps)

    async def planned_batch(self, numbers: Sequence[int], value: int = 1, *, stop_on_failure: bool = False) -> Plan:
        """One step for all."""
        network = self.networks.get("anvil")
        requests = [TransactionRequest(recipient(n), value, "0x", 21_000) for n in numbers]
        step = self.transactions.batch_step(network, self.deployer, requests, title="Pay many", stop_on_failure=stop_on_failure)
        return await self.operations.plan("test.batch", "Pay many", network.target(), {"numbers": list(numbers)}, [step])

    async def states(self) -> list[str]:
        """Of all rows, oldest first."""
        return [row.state.value for row in reversed(await self.transactions.list(self.key))]

    async def replaced(self, verb: str) -> None:
        """Pay one recipient, and replace that transaction as soon as the node has it; until both plans have ended."""
        pay = await self.planned_send(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.operations.execute(pay.id))
            while await self.states() != ["seen"]:
                await asyncio.sleep(0.02)
            (row,) = await self.transactions.list(self.key)
            plan = await (self.transactions.plan_speed_up if verb == "speed_up" else self.transactions.plan_cancel)(row.hash)
            group.create_task(self.operations.execute(plan.id))


async def main() -> None:
    """Send, or take up what a kill left."""
    home, url, verb, *count = sys.argv[1:]
    room = await Room(Path(home), url).open()
    try:
        numbers = range(int(count[0]) if count else 3)
        if verb == "run":
            await room.operations.execute((await room.planned_send(*numbers)).id)
        elif verb == "batch":
            await room.operations.execute((await room.planned_batch(numbers)).id)
        elif verb in ("speed_up", "cancel"):
            await room.replaced(verb)
        else:
            await room.operations.recover()
    finally:
        await room.close()


if __name__ == "__main__":
    asyncio.run(main())
