"""What to do about a signed transaction: the whole table, and worlds where chains go back, pools forget and others use the key."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from app.chain.nonces import Counts, Do, bumped, decide, free_run, holes, next_free, told

SMALL = range(4)


def test_the_whole_table() -> None:
    """Every combination of small counts, held nonces, receipt and knowledge: each answer for the reason that is written here."""
    cases = 0
    for nonce, latest, pending, safe in product(SMALL, repeat=4):
        if not safe <= latest <= pending:
            continue
        rest = product(range(16), range(3), (1, 2), (False, True), (False, True))
        for held_bits, confirmations, needed, known, outbids in rest:
            held = {n for n in SMALL if held_bits >> n & 1} | {nonce}
            counts = Counts(latest, pending, safe)
            do = decide(nonce, counts, confirmations=confirmations, needed=needed, known=known, held=held, outbids=outbids)
            cases += 1
            in_block = confirmations > 0
            hole_below = any(n not in held for n in range(pending, nonce))
            expected = {
                Do.DONE: confirmations >= needed,
                Do.REPLACED: not in_block and nonce < safe and not known,
                Do.RESEND: not in_block and not known and nonce >= (latest if outbids else pending),
                Do.GAP: not in_block and known and nonce >= latest and hole_below,
            }
            right = [name for name, holds in expected.items() if holds] or [Do.WAIT]
            assert [do] == right, (nonce, counts, held, confirmations, needed, known, outbids)
    assert cases > 20_000


@given(st.integers(0, 30), st.integers(0, 5), st.sets(st.integers(0, 40)), st.integers(1, 8))
def test_free_nonces_are_the_lowest_that_nobody_uses(latest: int, in_pool: int, held: set[int], count: int) -> None:
    pending = latest + in_pool
    run = free_run(latest, pending, held, count)
    assert run == [n for n in range(pending, pending + 60) if n not in held][:count]
    assert next_free(latest, pending, held) == run[0]


@given(st.integers(0, 30), st.integers(0, 5), st.sets(st.integers(0, 40)))
def test_when_a_waiting_one_dies_the_next_nonce_comes_down_again(latest: int, in_pool: int, held: set[int]) -> None:
    """The trap of wallets that keep the highest nonce they ever saw: everything later waits for ever."""
    pending = latest + in_pool
    for gone in held:
        assert next_free(latest, pending, held - {gone}) <= next_free(latest, pending, held)
    if held and max(held) >= pending:
        assert next_free(latest, pending, set()) == pending


@given(st.integers(0, 30), st.integers(0, 5), st.sets(st.integers(0, 40)))
def test_holes_are_what_must_be_filled_and_no_more(latest: int, in_pool: int, held: set[int]) -> None:
    pending = latest + in_pool
    missing = holes(latest, pending, held)
    assert holes(latest, pending, held | set(missing)) == ()
    top = max(held, default=0)
    assert all(pending <= n < top and n not in held for n in missing)


@given(st.integers(0, 2**100), st.integers(0, 2**100))
def test_a_bump_is_ten_percent_and_never_less_than_the_quote(old: int, quote: int) -> None:
    new = bumped(old, quote)
    assert new * 100 >= old * 110 and new > old and new >= quote
    assert new == quote or new == old + 1 or (new - 1) * 100 < old * 110


def test_nonces_in_words() -> None:
    assert told([5]) == "nonce 5"
    assert told([1204, 1205]) == "nonces 1,204 and 1,205"
    assert told([7, 5, 6, 8]) == "nonces 5 to 8"
    assert told([5, 7, 9]) == "nonces 5, 7 and 9"


class World:
    """A chain and its pool, reduced to the nonces of one account. Ours have ids from 0 on, those of others below."""

    def __init__(self) -> None:
        self.chain: list[list[tuple[int, int]]] = []
        self.pool: dict[int, int] = {}
        self.foreign = 0

    @property
    def latest(self) -> int:
        """How many nonces blocks used."""
        return sum(len(block) for block in self.chain)

    @property
    def pending(self) -> int:
        """The same with what follows in the pool."""
        nonce = self.latest
        while nonce in self.pool:
            nonce += 1
        return nonce

    def confirmations(self, nonce: int, name: int) -> int:
        """Of one transaction."""
        return next((len(self.chain) - at for at, block in enumerate(self.chain) if (nonce, name) in block), 0)

    def send(self, nonce: int, name: int) -> None:
        """A raw transaction comes in: used nonces and taken places in the pool are refused."""
        if nonce >= self.latest:
            self.pool.setdefault(nonce, name)

    def play(self, event: str, number: int) -> None:
        """What chains, nodes and other holders of the key do."""
        match event:
            case "mine":
                block, nonce = [], self.latest
                while nonce in self.pool and len(block) < number:
                    block.append((nonce, self.pool.pop(nonce)))
                    nonce += 1
                self.chain.append(block)
            case "back":
                for _ in range(min(number, len(self.chain))):
                    gone = self.chain.pop()
                    self.pool = {n: name for n, name in self.pool.items() if n >= self.latest}
                    if number % 2:
                        self.pool.update({nonce: name for nonce, name in gone if nonce >= self.latest})
            case "forget":
                self.pool.pop(self.latest + number - 1, None)
            case "foreign":
                self.foreign -= 1
                self.send(self.pending, self.foreign)


NEEDED = 2
events = st.lists(
    st.tuples(st.sampled_from(["mine", "mine", "back", "forget", "foreign", "follow", "sign"]), st.integers(1, 3)), max_size=40
)


@settings(max_examples=400)
@given(events)
def test_whatever_the_world_does_each_ends_once(history: list[tuple[str, int]]) -> None:
    """After any history, following a quiet chain brings every transaction to its end: mined once, or its nonce is another's."""
    world, ours = World(), dict[int, int]()  # name → nonce

    def follow() -> set[Do]:
        found = set()
        for name, nonce in sorted(ours.items(), key=lambda item: item[1]):
            safe = sum(len(block) for block in world.chain[: len(world.chain) - NEEDED + 1])
            counts = Counts(world.latest, world.pending, safe)
            confirmed = world.confirmations(nonce, name)
            known = confirmed > 0 or world.pool.get(nonce) == name
            do = decide(nonce, counts, confirmations=confirmed, needed=NEEDED, known=known, held=set(ours.values()))
            if do is Do.RESEND:
                assert nonce >= world.latest
                world.send(nonce, name)  # refused where others wait in the pool behind a nonce that nobody holds
            found.add(do)
        return found

    for event, number in history:
        if event == "follow":
            follow()
        elif event == "sign":
            name = len(ours)
            ours[name] = next_free(world.latest, world.pending, {n for n in ours.values() if n >= world.latest})
        else:
            world.play(event, number)
    for _ in range(2 * len(ours) + 4):
        follow()
        world.play("mine", 3)
    # What still waits does so behind a nonce that was lost and that nobody holds; filling it is what repair does.
    for _ in range(20):
        missing = holes(world.latest, world.pending, {n for n in ours.values() if n >= world.latest})
        for nonce in missing:
            world.send(nonce, -1000 - nonce)
        world.play("mine", 3)
        follow()
    assert follow() <= {Do.DONE, Do.REPLACED}
    mined = [name for block in world.chain for _, name in block if name >= 0]
    assert len(mined) == len(set(mined))
