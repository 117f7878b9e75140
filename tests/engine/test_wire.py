"""Values over the line between checker and program: what goes over arrives, and what is no message is refused."""

import collections
import datetime
import decimal
import fractions
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.sandbox import containers, wire

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62)
    | st.floats()
    | st.text()
    | st.binary(max_size=20)
    | st.complex_numbers()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes(timezones=st.just(datetime.UTC) | st.none())
    | st.times()
    | st.timedeltas()
    | st.builds(range, st.integers(-9, 9), st.integers(-9, 9))
)
KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.tuples(st.integers(), st.text())
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(KEYS, inner)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
        | st.lists(inner).map(collections.deque)
        | st.dictionaries(KEYS, inner).map(collections.OrderedDict)
        | st.binary().map(bytearray)
    ),
    max_leaves=20,
)


def refuse(*_):
    raise wire.UncarriedError("nothing else")


def unknown(*_):
    raise containers.WireError("nothing else")


class Line:
    """Both sides, with what each has to remember."""

    def __init__(self):
        self.sides = [containers.Shared(1), containers.Shared(2)]

    def send(self, *values, come_from=0):
        here, there = self.sides[come_from], self.sides[1 - come_from]
        changed = here.changed(all_of_them=True)
        writer = wire.Writer(here, refuse)
        roots = writer.write([*values, *changed])
        nodes, roots = json.loads(json.dumps([writer.nodes, roots]))
        there.hear(here.forgotten())
        found = wire.Reader(nodes, there, unknown).read(roots)
        return found[: len(values)]


def same(mine, theirs):
    if type(mine) is not type(theirs):
        return False
    if isinstance(mine, float):
        return mine == theirs or (math.isnan(mine) and math.isnan(theirs))
    if isinstance(mine, complex):
        return same(mine.real, theirs.real) and same(mine.imag, theirs.imag)
    if isinstance(mine, dict):
        return [*mine] == [*theirs] and all(same(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, list | tuple | collections.deque):
        return len(mine) == len(theirs) and all(map(same, mine, theirs))
    return mine == theirs


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_what_goes_over_arrives(value):
    (found,) = Line().send(value)
    assert same(value, found)


def test_one_object_stays_one_object():
    line = Line()
    inner = [1]
    loop = [inner, inner]
    loop.append(loop)
    theirs, again = line.send(loop, inner)
    assert theirs[0] is theirs[1]
    assert theirs[2] is theirs
    assert again is theirs[0]
    (back,) = line.send(theirs, come_from=1)
    assert back is loop
    assert line.send(inner)[0] is again


def test_what_one_side_does_the_other_one_sees():
    line = Line()
    mine = {"a": [1], "b": {2}, "c": collections.deque([3], 2), "d": bytearray(b"x")}
    held = mine["a"]
    (theirs,) = line.send(mine)
    theirs["a"].append(5)
    theirs["b"].clear()
    theirs["c"].extend((6, 7))
    theirs["d"] += b"y"
    theirs["e"] = [theirs["a"]]
    line.send(come_from=1)
    assert mine == {
        "a": [1, 5],
        "b": set(),
        "c": collections.deque([6, 7]),
        "d": bytearray(b"xy"),
        "e": [[1, 5]],
    }
    assert held is mine["a"]
    assert mine["e"][0] is held
    held.reverse()
    line.send()
    assert theirs["a"] == [5, 1]


def test_what_nobody_holds_is_forgotten_on_both_sides():
    line = Line()
    for number in range(5):
        line.send([number])
        line.sides[0].trim()
    line.send()
    assert [len(side._known) for side in line.sides] == [0, 0]
    kept = [[number] for number in range(300)]
    line.send(*kept)
    line.sides[0].trim()
    line.send()
    assert 0 < len(line.sides[0]._known) < 300
    assert len(line.sides[1]._known) == len(line.sides[0]._known)
    (found,) = line.send(kept[0])
    assert found == [0]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=5) | st.integers(min_value=2**70),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)
NAMES = [
    *("list", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict", "bytearray", "array", "SimpleNamespace"),
    *(
        "tuple",
        "frozenset",
        "int",
        "complex",
        "bytes",
        "range",
        "slice",
        "...",
        "NotImplemented",
        "Decimal",
        "Fraction",
    ),
    *("date", "datetime", "time", "timedelta", "timezone", "keys", "values", "items", "UUID", "path", "ZoneInfo"),
    *("std", "import", "exception", "function", "class", "object", "error", "yours", "mine", "nothing"),
]
NODES = st.lists(st.lists(ANYTHING, max_size=4).flatmap(lambda rest: st.sampled_from(NAMES).map(lambda n: [n, *rest])))


@settings(max_examples=150, deadline=None)
@given(nodes=NODES | ANYTHING, roots=st.lists(st.lists(st.integers(-1, 5), max_size=2) | ANYTHING) | ANYTHING)
def test_what_is_no_message_is_refused_and_nothing_else_happens(nodes, roots):
    try:
        found = wire.Reader(nodes, containers.Shared(1), unknown).read(roots)
    except containers.WireError:
        return
    assert isinstance(found, list)


@pytest.mark.parametrize(
    ("value", "others"),
    [(decimal.Decimal("1.10"), 1.1), (fractions.Fraction(1, 2), 0.5), (True, 1), (1, 1.0), ("1", 1), ((1,), [1])],
)
def test_values_keep_their_type(value, others):
    (found,) = Line().send(value)
    assert type(found) is type(value)
    assert type(found) is not type(others)


def test_deep_values_arrive():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    (found,) = Line().send(deep)
    depth = 0
    while found:
        (found,) = found
        depth += 1
    assert depth == 10_000
