"""Told in a private session by ``test_locked_memory.py``: unlock, use keyring items, lock; then look for the key everywhere.

Says as JSON how many living objects hold the key of the passphrase, the passphrase, and the secret that was read: while unlocked,
and after the lock. ``raw`` counts copies in the writable memory of the process, freed memory included, which no Python program can
promise to be clean.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
from pathlib import Path

from app.access import Access, Vault
from app.audit.journal import Journal
from app.core.jobs import Jobs
from app.core.paths import Home
from app.core.secret import Secret
from app.database import Database

MASK = 0x5A


def masked(value: bytes) -> bytes:
    """Something to search by that is not what is searched for."""
    return bytes(byte ^ MASK for byte in value)


def living(wanted: dict[str, bytes]) -> dict[str, int]:
    """How many objects that can be reached hold each value."""
    gc.collect()
    needles = {name: masked(value) for name, value in wanted.items()}
    own = {id(needle) for needle in needles.values()}
    texts = {name: needle.decode("utf-8") for name, needle in needles.items() if needle.isascii()}
    own |= {id(text) for text in texts.values()}
    found = dict.fromkeys(wanted, 0)
    seen: set[int] = {id(needles), id(texts), id(own), id(found)}
    waiting = [gc.get_objects()]
    seen.add(id(waiting))
    while waiting:
        for thing in waiting.pop():
            if id(thing) in seen or id(thing) in own:
                continue
            seen.add(id(thing))
            if isinstance(thing, bytes | bytearray):
                for name, needle in needles.items():
                    found[name] += needle in thing
            elif isinstance(thing, str):
                for name, text in texts.items():
                    found[name] += text in thing
            else:
                waiting.append(gc.get_referents(thing))
    return found


def raw(wanted: dict[str, bytes]) -> dict[str, int]:
    """The same in the writable memory of the process."""
    found = dict.fromkeys(wanted, 0)
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if match is None or "[v" in line:
                continue
            start, end = int(match[1], 16), int(match[2], 16)
            try:
                memory.seek(start)
                content = memory.read(end - start)
            except (OSError, ValueError):
                continue
            for name, value in wanted.items():
                needle = masked(value)
                found[name] += content.count(needle)
            del content, needle
    return {name: count - 1 for name, count in found.items()}  # one is what is searched with


async def main(folder: Path) -> None:
    home = Home(folder).ensure()
    database = Database.at(home.database)
    await database.open()
    vault, jobs = Vault(home), Jobs()
    access = Access(database, vault, Journal(database).append, jobs=jobs)
    await access.load()
    phrase = "-".join(["quartz", "lantern", "meadow", "onyx"])
    item = b"item " + bytes(range(200, 232))
    wanted = {"passphrase": masked(phrase.encode()), "item": masked(item)}
    await access.set_passphrase(None, Secret(phrase))
    await vault.put("wallet/one", Secret(item))
    await access.lock()
    await access.unlock(Secret(phrase))
    await access.check_passphrase(Secret(phrase))
    assert (await vault.get("wallet/one")).reveal_bytes() == item
    assert access._key is not None
    wanted["key"] = masked(access._key.reveal_bytes())
    del phrase, item
    before = living(wanted)
    await access.lock()
    await asyncio.sleep(0)  # the last task lets go of its frame
    after = living(wanted)
    print(json.dumps({"before": before, "after": after, "raw": raw(wanted)}))
    await jobs.close()
    await access.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
