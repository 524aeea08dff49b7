"""A console that takes a list of proofs, as another process: ``python -m tests.mining.take_program HOME NODE CACHE LIST``."""

import asyncio
import json
import sys
from pathlib import Path

from tests.mining.room import Room


async def main() -> None:
    """Take it, and say what became of the rows."""
    home, url, cache, given = sys.argv[1:]
    room = await Room(Path(home), url, Path(cache)).open()
    try:
        file = Path(given)
        report = await room.mining.submit_list("anvil", file.read_bytes(), file.name, file.parent)
        print(json.dumps([(outcome.status, outcome.number) for outcome in report.outcomes]))
    finally:
        await room.close()


if __name__ == "__main__":
    asyncio.run(main())
