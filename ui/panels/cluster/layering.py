"""Where the boxes of a layered picture stand, and how its lines run: a pure function. Knows neither Qt nor clusters.

Columns go from left to right. Lines of one label that share an end run together: through the columns between their ends they have
one lane, so that none passes behind a box. The order within the columns follows the neighbours' means (Sugiyama, Tagawa and Toda,
1981); heights are the nearest to these means that let nothing overlap (isotonic regression by pooling adjacent violators).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 6
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A box; those of one ``group`` stay together within their column."""

    id: str
    column: int
    group: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line between two boxes, by their ids."""

    source: str
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pixels: of a box, between columns, between boxes, and of a lane."""

    width: float = 156
    height: float = 44
    across: float = 84
    down: float = 12
    lane: float = 16


@dataclass(frozen=True, slots=True)
class Place:
    """The rectangle of a box, and its column."""

    x: float
    y: float
    width: float
    height: float
    column: int

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Route:
    """How a line runs: a curve between the first two points, then by turns straight through a column and curved across a gap.

    Attributes:
        label_at: where the label begins, or where it ends; None where another line of the bundle has it.
        label_side: 1 when the label goes on to the right from there, -1 to the left.
    """

    line: Line
    points: tuple[Point, ...]
    label_at: Point | None
    label_side: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Places by id, routes in the order of the lines, and where each column that holds something begins."""

    places: Mapping[str, Place]
    routes: tuple[Route, ...]
    columns: Mapping[int, float]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Item:
    """A box or the lane of a bundle within one column."""

    id: str
    column: int
    group: str
    size: float
    order: int


def arrange(boxes: Sequence[Box], lines: Iterable[Line], sizes: Sizes) -> Layout:
    """Place the boxes and run the lines. The same input gives the same picture; lines to unknown boxes are left out."""
    used = sorted({box.column for box in boxes})
    at = {box.id: used.index(box.column) for box in boxes}
    drawn = [line for line in dict.fromkeys(lines) if line.source in at and line.target in at]
    bundles = _bundles(drawn, at)
    columns: list[list[_Item]] = [[] for _ in used]
    for order, box in enumerate(boxes):
        columns[at[box.id]].append(_Item(box.id, at[box.id], box.group or box.id, sizes.height + sizes.down, order))
    for name in dict.fromkeys(bundles.values()):
        _, _, _, begin, end = name
        for column in range(begin + 1, end):
            lane = _lane(name, column)
            columns[column].append(_Item(lane, column, lane, sizes.lane, len(boxes)))
    middles = _middles(columns, _neighbours(drawn, bundles, at))
    top = min((middles[box.id] for box in boxes), default=0.0) - sizes.height / 2
    middles = {item: middle - top for item, middle in middles.items()}
    step = sizes.width + sizes.across
    places = {
        box.id: Place(at[box.id] * step, middles[box.id] - sizes.height / 2, sizes.width, sizes.height, box.column) for box in boxes
    }
    routes = _routes(drawn, bundles, places, middles, at, sizes)
    deepest = max((place.y + place.height for place in places.values()), default=0.0)
    width = len(used) * step - sizes.across if used else 0.0
    return Layout(places, routes, {column: index * step for index, column in enumerate(used)}, width, deepest)


def step(layout: Layout, at: str, across: int, down: int) -> str:
    """The box that an arrow key leads to from ``at``: along a line where there is one, else the nearest; ``at`` at an end."""
    here = layout.places.get(at)
    if here is None:
        return next(iter(layout.places), "")
    if down:
        beyond = {box: (place.y - here.y) * down for box, place in layout.places.items() if place.column == here.column}
        return min((box for box, far in beyond.items() if far > 0), key=lambda box: beyond[box], default=at)
    onward = {box: abs(place.x - here.x) for box, place in layout.places.items() if (place.x - here.x) * across > 0}
    ends = {(route.line.source, route.line.target) for route in layout.routes}
    tied = [box for box in onward if (at, box) in ends or (box, at) in ends]
    return min(tied or onward, key=lambda box: (onward[box], abs(layout.places[box].middle - here.middle)), default=at)


Bundle = tuple[str, str, str, int, int]  # label, which end is shared, the box there, first and last column


def _bundles(lines: Sequence[Line], at: Mapping[str, int]) -> dict[Line, Bundle]:
    """Which lines run together: those of one label from, or else to, one box, over the same columns."""
    leaving: dict[tuple[str, str], int] = defaultdict(int)
    coming: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        leaving[line.label, line.source] += 1
        coming[line.label, line.target] += 1
    found = {}
    for line in lines:
        from_one = leaving[line.label, line.source] >= coming[line.label, line.target]
        side, hub = ("from", line.source) if from_one else ("to", line.target)
        found[line] = (line.label, side, hub, at[line.source], at[line.target])
    return found


def _lane(bundle: Bundle, column: int) -> str:
    return "\t".join((*bundle[:3], str(bundle[3]), str(bundle[4]), str(column)))  # a tab: no id of a box has one


def _neighbours(
    lines: Iterable[Line], bundles: Mapping[Line, Bundle], at: Mapping[str, int]
) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """Of each item those in the column before and in the column after that it is tied to."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        begin, end = at[line.source], at[line.target]
        if begin >= end:
            continue
        chain = [line.source, *(_lane(bundles[line], column) for column in range(begin + 1, end)), line.target]
        for left, right in pairwise(chain):
            after[left].append(right)
            before[right].append(left)
    return before, after


def _middles(columns: Sequence[Sequence[_Item]], ties: tuple[Mapping[str, list[str]], Mapping[str, list[str]]]) -> dict[str, float]:
    """How far down the middle of each item is: columns are ordered from both ends by turns, then drawn towards their neighbours."""
    before, after = ties
    middles: dict[str, float] = {}
    for column in columns:
        middles |= _apart(column, {item.id: 0.0 for item in column})
    held = [list(column) for column in columns]
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for index in range(len(held)) if forward else reversed(range(len(held))):
            wanted = {item.id: _mean((before if forward else after)[item.id], middles, item.id) for item in held[index]}
            held[index] = _ordered(held[index], wanted)
            middles |= _apart(held[index], wanted)
    for _ in range(SWEEPS // 2):
        for column in (*held, *reversed(held)):
            middles |= _apart(column, {i.id: _mean((*before[i.id], *after[i.id]), middles, i.id) for i in column})
    return middles


def _mean(ties: Sequence[str], middles: Mapping[str, float], own: str) -> float:
    return sum(middles[tie] for tie in ties) / len(ties) if ties else middles[own]


def _ordered(items: Sequence[_Item], wanted: Mapping[str, float]) -> list[_Item]:
    """By where they want to be, each group whole."""
    groups: dict[str, list[float]] = defaultdict(list)
    for item in items:
        groups[item.group].append(wanted[item.id])
    means = {group: round(sum(found) / len(found), 3) for group, found in groups.items()}
    return sorted(items, key=lambda item: (means[item.group], item.group, round(wanted[item.id], 3), item.order, item.id))


def _apart(items: Sequence[_Item], wanted: Mapping[str, float]) -> dict[str, float]:
    """The middles nearest to those wanted (least squares) at which the items, in this order, do not overlap."""
    offsets, offset = [], 0.0
    for index, item in enumerate(items):
        offset += (items[index - 1].size + item.size) / 2 if index else 0.0
        offsets.append(offset)
    pools: list[tuple[float, int]] = []  # mean, how many
    for item, offset in zip(items, offsets, strict=True):
        mean, many = wanted[item.id] - offset, 1
        while pools and pools[-1][0] >= mean:
            other, more = pools.pop()
            mean, many = (mean * many + other * more) / (many + more), many + more
        pools.append((mean, many))
    shifts = [mean for mean, many in pools for _ in range(many)]
    return {item.id: shift + offset for item, shift, offset in zip(items, shifts, offsets, strict=True)}


def _routes(
    lines: Sequence[Line],
    bundles: Mapping[Line, Bundle],
    places: Mapping[str, Place],
    middles: Mapping[str, float],
    at: Mapping[str, int],
    sizes: Sizes,
) -> tuple[Route, ...]:
    ports = _ports(bundles, middles, sizes)
    step = sizes.width + sizes.across
    said: set[Bundle] = set()
    found = []
    for line in lines:
        bundle = bundles[line]
        _, side, _, begin, end = bundle
        source, target = places[line.source], places[line.target]
        shift = ports[bundle]
        leave = source.middle + (shift if side == "from" else 0)
        arrive = target.middle + (shift if side == "to" else 0)
        points: list[Point]
        if begin < end:
            points = [(source.x + source.width, leave)]
            for column in range(begin + 1, end):
                level = middles[_lane(bundle, column)]
                points += [(column * step, level), (column * step + sizes.width, level)]
            points.append((target.x, arrive))
        else:  # what is owned stands before its owner (a Node owns its mirror pods), or beside it
            points = [(source.x, leave), (target.x + (target.width if end < begin else 0), arrive)]
        label = None if bundle in said else points[0] if side == "from" else points[-1]
        said.add(bundle)
        found.append(Route(line, tuple(points), label, 1 if (side == "from") == (begin < end) else -1))
    return tuple(found)


def _ports(bundles: Mapping[Line, Bundle], middles: Mapping[str, float], sizes: Sizes) -> dict[Bundle, float]:
    """How far from the middle of its box each bundle begins or ends, so that the labels of one box do not lie on each other."""
    others: dict[Bundle, list[float]] = defaultdict(list)
    for line, bundle in bundles.items():
        others[bundle].append(middles[line.target if bundle[1] == "from" else line.source])
    sides: dict[tuple[str, str], list[Bundle]] = defaultdict(list)
    for bundle in others:
        sides[bundle[1], bundle[2]].append(bundle)
    found = {}
    for shared in sides.values():
        shared.sort(key=lambda bundle: (sum(others[bundle]) / len(others[bundle]), bundle))
        apart = sizes.height / len(shared)
        for index, bundle in enumerate(shared):
            found[bundle] = (index - (len(shared) - 1) / 2) * apart
    return found
