"""A console as another process: ``python -m tests.mining.room_program HOME NODE CACHE take LIST`` or ``… mint NUMBER``."""

import asyncio
import json
import sys
from pathlib import Path

from tests.mining.room import Room


async def main() -> None:
    """Take a list and say what became of its rows, or mint one proof."""
    home, url, cache, verb, what = sys.argv[1:]
    room = await Room(Path(home), url, Path(cache)).open()
    try:
        if verb == "take":
            file = Path(what)
            report = await room.mining.submit_list("anvil", file.read_bytes(), file.name, file.parent)
            print(json.dumps([(outcome.status, outcome.number) for outcome in report.outcomes]))
        else:
            await room.mint([await room.mining.get(what)])
    finally:
        await room.close()


if __name__ == "__main__":
    asyncio.run(main())
