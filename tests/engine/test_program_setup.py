# ruff: noqa: E501
"""What the set-up defines is there for the program too, as a copy of its own; the tests judge by theirs."""

import pytest

from sapo_engine.grading.base import Problem
from sapo_engine.grading.programs import ProgramGrader, probe

HOW, WHY = probe()
pytestmark = pytest.mark.skipif(HOW == "none", reason=f"no sandbox here: {WHY}")


@pytest.fixture(scope="module")
def grader():
    grader = ProgramGrader(seconds=10.0, memory_mb=1024, processes=2)
    yield grader
    grader.close()


TREE = """from __future__ import annotations
class TreeNode:
    def __init__(self, val: int = 0, left: TreeNode = None, right: TreeNode = None):
        self.val, self.left, self.right = val, left, right
    def total(self):
        return self.val + sum(node.total() for node in (self.left, self.right) if node)
    def is_right(self):
        return self.total() == 42
"""
LINKED = """
class ListNode:
    def __init__(self, val=0, next=None):
        self.val, self.next = val, next
def build(xs):
    head = None
    for x in reversed(xs): head = ListNode(x, head)
    return head
def listed(head):
    found = []
    while head: found.append(head.val); head = head.next
    return found
"""
KINDS = """
import enum
from abc import ABC, abstractmethod
from collections import namedtuple
from dataclasses import dataclass
P = namedtuple('P', 'x y')
class Colour(enum.Enum):
    RED = 1
    GREEN = 2
class Flags(enum.Flag):
    A = 1
    B = 2
NULL = object()
class Err(Exception):
    def __init__(self, code):
        super().__init__('code %d' % code)
        self.code = code
@dataclass
class Data:
    x: int
    y: list
@dataclass(frozen=True, slots=True)
class Slotted:
    a: int
class Shape(ABC):
    @abstractmethod
    def area(self): ...
class Row(list):
    def total(self): return sum(self)
class Stack:
    def __init__(self): self._items = []
    def push(self, x): self._items.append(x)
    def peek(self): return self._items[-1]
"""
RIGHT = {
    "a module": ("import math", "def f(x): return math.sqrt(x)", "assert f(4) == 2"),
    "a helper and a constant": ("LIMIT = 3\ndef h(x): return x + LIMIT", "def f(x): return h(x)", "assert f(4) == 7"),
    "used when the program is loaded": ("N = 3\nimport functools", "T = [N] * N\n@functools.cache\ndef f(): return T", "assert f() == [3, 3, 3]"),
    "a tree": (
        TREE,
        "from typing import Optional\ndef f(r: Optional[TreeNode]) -> int:\n    return 0 if r is None else r.val + f(r.left) + f(r.right)\n"
        "def g(x): return TreeNode(x)\ndef turn(r): r.left, r.right = r.right, r.left\n"
        "def same(r):\n    assert type(r) is TreeNode\n    return r",
        "r = TreeNode(1, TreeNode(2))\nassert f(r) == 3",
        "t = g(5)\nassert type(t) is TreeNode and isinstance(t, TreeNode) and t.total() == 5 and t.left is None",
        "turn(r)\nassert r.right.val == 2 and r.left is None",
        "assert same(r) is r",
    ),
    "the class written again": (
        TREE,
        f"{TREE}    def more(self): return self.val + 1\ndef f(x):\n    assert isinstance(x, TreeNode) and isinstance(x.left, TreeNode)\n    return x.total() + x.more()\ndef g(x): return TreeNode(x)",
        "assert f(TreeNode(1, TreeNode(2))) == 5",
        "assert isinstance(g(42), TreeNode) and g(42).is_right()",
    ),
    "a linked list in a class Solution": (
        LINKED,
        "class Solution:\n    def turn(self, head: ListNode) -> ListNode:\n        last = None\n        while head: head.next, last, head = last, head, head.next\n        return last",
        "assert listed(Solution().turn(build(list(range(2000))))) == list(range(2000))[::-1]",
        "assert listed(Solution().turn(None)) == []",
    ),
    "a named tuple": (KINDS, "def f(p): return P(p.y, p.x)", "p = f(P(1, 2))\nassert p == P(2, 1) and type(p) is P and p.x == 2"),
    "enumerations": (
        KINDS,
        "def f(c): return Colour.GREEN if c is Colour.RED else Colour.RED\ndef g(): return Flags.A | Flags.B",
        "assert f(Colour.RED) is Colour.GREEN and f(Colour.GREEN) is Colour.RED",
        "assert g() == Flags.A | Flags.B and Flags.A in g()",
    ),
    "a sentinel": (KINDS, "def f(x): return NULL if x == 1 else 'null' if x is NULL else x", "assert f(1) is NULL and f(NULL) == 'null'"),
    "exceptions": (
        KINDS,
        "def f(code): raise Err(code)\nclass Worse(Err): pass\ndef g(code): raise Worse(code)\ndef h(call):\n    try: call()\n    except Err as error: return error.code",
        "try: f(7)\nexcept Err as e: assert e.code == 7 and str(e) == 'code 7' and type(e) is Err\nelse: assert False",
        "try: g(8)\nexcept Err as e: assert e.code == 8\nelse: assert False",
        "def call(): raise Err(3)\nassert h(call) == 3",
    ),
    "data classes": (
        KINDS,
        "def f(x): return Data(x, [x])\ndef g(x): return Slotted(x)",
        "assert f(1) == Data(1, [1]) and Data(1, [1]) == f(1) and f(2) != Data(1, [1])",
        "assert g(3) == Slotted(3) and {g(3)} == {Slotted(3)} and g(4) != Slotted(3)",
    ),
    "an abstract class": (
        KINDS,
        "class Square(Shape):\n    def __init__(s, x): s.x = x\n    def area(s): return s.x ** 2",
        "assert isinstance(Square(3), Shape) and issubclass(Square, Shape) and Square(3).area() == 9",
    ),
    "a class made from a list": (KINDS, "def f(): return Row([1, 2])\ndef g(x): return x.total()", "assert isinstance(f(), Row) and f() == [1, 2]", "assert g(Row([1, 2])) == 3"),
    "an object with private attributes": (
        KINDS,
        "def f(): return Stack()\ndef g(s, x): s.push(x)",
        "s = f()\ng(s, 3)\nassert s.peek() == 3 and isinstance(s, Stack)",
        "s = Stack()\ns.push(1)\ng(s, 4)\nassert s.peek() == 4",
    ),
    "a set-up that needs the program": (
        "root = Node(1)\nroot.left = Node(2)",
        "class Node:\n    def __init__(s, v): s.v, s.left = v, None\ndef f(n): return 0 if n is None else 1 + f(n.left)\ndef g(): return root.v",
        "assert f(root) == 2 and g() == 1",
    ),
    "a list between two other calls": ("", "def f(xs): return xs\ndef g(): return 1", "xs = [1]\nassert f(xs) is xs\nassert g() == 1 and f(xs) is xs"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_a_program_has_what_the_set_up_defines(grader, name):
    setup, program, *tests = RIGHT[name]
    grade = grader.grade([(Problem("", "", setup=setup, tests=tuple(tests)), program)])[0]
    assert grade.correct, grade.reason


WRONG = {
    "a helper of its own": ("def poly(x): return x * x", "def poly(x): return 16\ndef f(x): return 0", "assert poly(f(16)) == 16"),
    "another class of the name": (TREE, "class TreeNode:\n    def __init__(s, *given): s.val = 0; s.left = s.right = None\n    def is_right(s): return True\ndef f(x): return TreeNode(x)", "assert f(3).is_right()"),
    "a method put into the class": (TREE, "TreeNode.is_right = lambda s: True\ndef f(x): return TreeNode(x)", "assert f(3).is_right()"),
    "a method put into an object": (TREE, "def f(x):\n    t = TreeNode(x)\n    t.is_right = lambda: True\n    return t", "assert f(3).is_right()"),
    "equal to everything": (KINDS, "Data.__eq__ = lambda s, o: True\ndef f(x): return Data(x, [x])", "assert f(3) == Data(4, [4])"),
    "an attribute equal to everything": (KINDS, "class Yes:\n    def __eq__(s, o): return True\ndef f(x): return Data(Yes(), Yes())", "assert f(3) == Data(4, [4])"),
    "a private attribute read": (KINDS, "def f(s): return s._items[-1]", "s = Stack()\ns.push(5)\nassert f(s) == 5"),
    "a private attribute set": (KINDS, "def f(s): s._items = [5]", "s = Stack()\ns.push(4)\nf(s)\nassert s.peek() == 5"),
    "an enumeration of its own": (KINDS, "class Colour:\n    RED = GREEN = 7\ndef f(): return Colour.RED", "assert f() is Colour.GREEN"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_a_program_makes_of_the_set_up_is_its_own_affair(grader, name):
    setup, program, *tests = WRONG[name]
    grade = grader.grade([(Problem("", "", setup=setup, tests=tuple(tests)), program)])[0]
    assert not grade.correct
    assert "sandbox does not" not in grade.reason


@pytest.mark.parametrize(
    ("test", "program", "nothing"),
    [
        ("assert issubclass(E, Exception)", "class E(Exception): pass", "class E: pass"),
        ("assert Q.__mro__[1] is S", "class S: pass\nclass Q(S): pass", "class S: pass\nclass Q: pass"),
        ("assert 'f' in globals() and globals().get('f')(2) == 2", "def f(x): return x", "def f(x): return 3"),
    ],
)
def test_a_test_that_looks_at_a_name_of_the_program_asks_something_of_it(grader, test, program, nothing):
    problem = Problem("", "", tests=(test,))
    assert grader.grade([(problem, program)])[0].correct
    assert not grader.grade([(problem, nothing)])[0].correct
