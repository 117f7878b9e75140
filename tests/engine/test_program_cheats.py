# ruff: noqa: E501
"""Programs that try to pass without being right: by objects, by names, by errors, by the line. None does."""

import json
import os
from pathlib import Path

import pytest

from sapo_engine.grading.base import Problem
from sapo_engine.grading.programs import ProgramGrader, probe
from sapo_engine.tasks.kinds import KINDS, load_problems

HOW, WHY = probe()
pytestmark = pytest.mark.skipif(HOW == "none", reason=f"no sandbox here: {WHY}")
SLOW = pytest.mark.slow
DATA = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="module")
def grader():
    grader = ProgramGrader(seconds=5.0, memory_mb=512, processes=2)
    yield grader
    grader.close()


# An object that says yes to everything, and does with every operator what a test would like.
YES = """
class Yes:
    def __init__(self, *given, **named): pass
    def _yes(self, *given): return True
    def _self(self, *given): return self
    def _zero(self, *given): return 0
    def _hash(self): return hash(5)
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __bool__ = _yes
    __hash__ = _hash
    __ne__ = lambda self, other: False
    __sub__ = __rsub__ = __mod__ = __rmod__ = __xor__ = __rxor__ = __floordiv__ = __rfloordiv__ = __abs__ = _zero
    __add__ = __radd__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __and__ = __rand__ = __or__ = __ror__ = _self
    __call__ = __round__ = __getitem__ = _self
    startswith = endswith = issubset = issuperset = isdisjoint = count = index = _yes
    find = difference = symmetric_difference = _zero
    __exit__ = _yes
    __enter__ = _self
    def __iter__(self): return iter([Yes(), Yes(), Yes()])
    def __len__(self): return 3
"""
LIAR = YES + "def f(*given): return Yes()\n"
EXPECTING = (
    "assert f(2, 3) == 5",
    "assert 5 == f(2, 3)",
    "assert not f(2, 3) != 5",
    "assert abs(f(2) - 1.41) < 1e-2",
    "assert abs(1.41 - f(2)) < 1e-2",
    "assert -0.01 < f(2) - 1.41 < 0.01",
    "assert not f(2) - 4",
    "assert f(6) % 3 == 0 and f(6) == 6",
    "assert f(6) ^ 6 == 0",
    "assert f(2) / 4 == 1",
    "assert round(f(2), 2) == 1.41",
    "import math\nassert math.isclose(f(2), 1.41)",
    "assert f(3) > 2",
    "assert 2 < f(3)",
    "assert f(3) >= 2 and f(3) <= 9",
    "assert min(f(3), 9) == 3",
    "assert 3 in f(5)",
    "assert all(x in f(5) for x in (1, 2, 3))",
    "assert f(2) in (4, 5)",
    "assert f(2) in {4, 5}",
    "assert {5: 'a'}[f(2)] == 'a'",
    "assert f(5) == [1, 2, 3]",
    "assert list(f(5)) == [1, 2, 3]",
    "assert sorted(f(5)) == [1, 2, 3]",
    "assert set(f(5)) == {1, 2, 3}",
    "assert sum(f(3)) == 6",
    "assert {1, 2} <= set(f(5))",
    "assert {1, 2} & f(5)",
    "assert f(5) <= {1, 2, 3}",
    "assert f('x').startswith('He')",
    "assert f('x').endswith('lo')",
    "assert f(5).issuperset({1, 2})",
    "assert f('abc').count('a') == 1 and f('abc') == 'abc'",
    "assert len(f(5)) == 3 and f(5)[0] == 1",
    "assert f(5)['a'] == 1",
    "assert f(5).value == 5",
    "assert f(2)(3) == 5",
    "assert f(5) is True",
    "assert type(f(5)) == int",
    "assert isinstance(f(5), int)",
    "assert f(5) * 2 == 10",
    "assert 1 + f(5) == 6",
    "assert str(f(5)) == '5'",
    "assert '%d' % f(5) == '5'",
    "import unittest\nunittest.TestCase().assertEqual(f(2), 5)",
    "import unittest\nunittest.TestCase().assertAlmostEqual(f(2), 1.41, 2)",
    "import unittest\nunittest.TestCase().assertIn(3, f(2))",
    "with f(2) as x:\n    assert x == 5",
)
LIARS = {
    "an object": LIAR,
    "the function is a class": YES + "class f(Yes): pass\n",
    "an object with the name of a function": YES.replace("Yes", "f"),
    "an int": YES.replace("class Yes:", "class Yes(int):\n    def __new__(cls, *given): return int.__new__(cls, -7)")
    + "def f(*given): return Yes()\n",
    "a str": YES.replace("class Yes:", "class Yes(str):\n    def __new__(cls, *given): return str.__new__(cls, 'q')")
    + "def f(*given): return Yes()\n",
    "a list": YES.replace("class Yes:", "class Yes(list):") + "def f(*given): return Yes()\n",
    "a dict": YES.replace("class Yes:", "class Yes(dict):") + "def f(*given): return Yes()\n",
    "a class": YES + "class Meta(type):\n    " + "\n    ".join(
        f"{name} = lambda cls, *given: True" for name in ("__eq__", "__lt__", "__gt__", "__contains__", "__instancecheck__")
    ) + "\n    __hash__ = type.__hash__\nclass Odd(Yes, metaclass=Meta): pass\ndef f(*given): return Odd\n",
    "a function": YES + "def g(*given): return Yes()\ng.startswith = g.issuperset = lambda *given: True\ndef f(*given): return g\n",
}  # fmt: skip


def passed_by(grader, name, solution, tests):
    problems = [Problem("", "", solution=solution, tests=(test,)) for test in tests]
    grades = grader.grade([(problem, LIARS[name]) for problem in problems])
    return [test for test, grade in zip(tests, grades, strict=True) if grade.correct]


SOLUTIONS = pytest.mark.parametrize(
    "solution", ["", "def f(*given):\n    return 5\n"], ids=["no reference", "reference"]
)
ITS_OWN = "assert isinstance(f(5), int)"
"""What a class or an int gives of itself is its own to give: its length, its items, its text."""


@SOLUTIONS
def test_no_object_talks_a_test_into_passing(grader, solution):
    """Each test is tried by one liar, and each liar tries some."""
    for number, name in enumerate(sorted(LIARS)):
        found = passed_by(grader, name, solution, EXPECTING[number :: len(LIARS)])
        assert found in ([], [ITS_OWN] if name == "an int" else []), name


@SLOW
@pytest.mark.parametrize("name", sorted(LIARS))
@SOLUTIONS
def test_no_object_talks_any_test_into_passing(grader, name, solution):
    assert passed_by(grader, name, solution, EXPECTING) == ([ITS_OWN] if name == "an int" else [])


POINT = "class P:\n    def __init__(self, x, y): self.x, self.y = x, y\n    def dist(self, o): return ((self.x - o.x)**2 + (self.y - o.y)**2)**.5\n    def path(self): return [self.x, self.y]\n    def __eq__(self, o): return (self.x, self.y) == (o.x, o.y)\n"
MIXED = (
    "assert P(0, 0).dist(P(3, 4)) == 5",
    "assert abs(P(0, 0).dist(P(1, 1)) - 1.4142) < 1e-3",
    "assert abs(1.4142 - P(0, 0).dist(P(1, 1))) < 1e-3",
    "assert not P(0, 0).dist(P(3, 4)) - 5",
    "assert (P(0, 0).dist(P(3, 4)) - 5) ** 2 < 1e-9",
    "assert int(P(0, 0).dist(P(3, 4)) / 5) == 1 and P(0, 0).dist(P(3, 4)) == 5",
    "assert 1 in P(1, 2).path()",
    "assert len(P(1, 2).path() - {1, 2}) == 0",
    "assert P(0, 0).dist(P(3, 4)) > 4.9",
)


def test_objects_of_a_class_that_the_tests_name_are_told_no_expected_value_either(grader):
    cheat = (
        YES.replace("Yes", "P")
        + "    def dist(self, o): return P()\n    path = dist\n    def __sub__(self, o): return P()\n    __rsub__ = __truediv__ = __mod__ = __sub__\n"
        "    def __abs__(self): return 0.0\n    def __bool__(self): return False\n    def __len__(self): return 0\n    def __int__(self): return 1\n"
        "    def __contains__(self, v): return type(v) is int\n    def path(self, *o): return P()\n"
    )
    problems = [Problem("", "", solution=POINT, tests=(test,)) for test in MIXED]
    right = [(p, POINT) for p in problems if "- {" not in p.tests[0]]
    assert all(grade.correct for grade in grader.grade(right))
    grades = grader.grade([(problem, cheat.replace("P()", "P(0, 0)")) for problem in problems])
    assert [problem.tests[0] for problem, grade in zip(problems, grades, strict=True) if grade.correct] == []


VALUE = "class V:\n    def __init__(s, x): s.x = x\n    def __add__(s, o): return V(s.x + o.x)\n    def __eq__(s, o): return s.x == o.x\n    def __lt__(s, o): return s.x < o.x\n"
EQUAL = {
    "to everything": "def __eq__(s, o): return True",
    "to all of its class": "def __eq__(s, o): return isinstance(o, V)",
    "to all of its class by name": "def __eq__(s, o): return type(o).__name__ == 'V'",
    "unequal to none": "def __ne__(s, o): return False\n    __eq__ = lambda s, o: isinstance(o, V)",
    "once only": "def __eq__(s, o): return isinstance(o, V) and not hasattr(o, 'seen')",
}


@pytest.mark.parametrize("name", sorted(EQUAL))
def test_objects_that_are_equal_whatever_they_hold_are_wrong(grader, name):
    about = Problem("", "", solution=VALUE, tests=("assert V(1) + V(2) == V(3)", "assert V(4) == V(4)"))
    cheat = f"class V:\n    def __init__(s, x): pass\n    def __add__(s, o): return s\n    {EQUAL[name]}\n"
    assert grader.grade([(about, VALUE)])[0].correct
    grade = grader.grade([(about, cheat)])[0]
    assert not grade.correct
    assert "equal" in grade.reason or "test 1" in grade.reason
    results = Problem("", "", solution=VALUE + "def f(): return V(3)", tests=("assert f() == V(3)",))
    assert grader.grade([(results, VALUE + "def f(): return V(3)")])[0].correct
    assert not grader.grade([(results, cheat + "def f(): return V(9)")])[0].correct
    order = Problem("", "", solution=VALUE, tests=("assert V(1) < V(2)",))
    assert grader.grade([(order, VALUE)])[0].correct
    assert not grader.grade([(order, cheat + "    def __lt__(s, o): return True\n    __gt__ = __lt__\n")])[0].correct


def test_equal_fractions_of_other_parts_are_right(grader):
    fraction = (
        "class F:\n    def __init__(s, a, b): s.a, s.b = a, b\n    def __eq__(s, o): return s.a * o.b == s.b * o.a\n"
    )
    about = Problem("", "", tests=("assert F(1, 2) == F(2, 4)", "assert F(1, 2) == F(1, 2)"))
    assert grader.grade([(about, fraction)])[0].correct


BUILTINS = (
    *("abs", "all", "any", "bool", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int", "isinstance"),
    *(
        "issubclass",
        "iter",
        "len",
        "list",
        "map",
        "max",
        "min",
        "next",
        "ord",
        "pow",
        "print",
        "range",
        "repr",
        "reversed",
    ),
    *("round", "set", "sorted", "str", "sum", "tuple", "type", "zip", "AssertionError", "Exception", "ValueError"),
)


@pytest.mark.parametrize(
    "form",
    [
        "def {}(*given, **named): return True",
        "class {}:\n    def __new__(cls, *given): return 0",
        "{} = lambda *given, **named: 0",
    ],
)
def test_no_program_has_a_say_in_what_is_pythons_own(grader, form):
    tests = (
        "assert abs(f(2) - 1.41) < 1e-2 and all(f(x) == x * 2 for x in [1, 2]) and len([f(1)]) == 1 and f(1) == 2",
        "assert sorted(map(f, [1, 2])) == [2, 4] and sum(f(x) for x in range(3)) == 6 and max(f(1), 2) == f(1)",
        "assert isinstance(f(1), int) and str(f(1)) == '2' and round(f(1)) == 2 and tuple([f(1)]) == (2,)",
    )
    taken = "\n".join(form.format(name) for name in BUILTINS)
    garbage = [f"{taken}\ndef f(x): return 0", f"def f(x): return 0\n{taken}"]
    grades = grader.grade([(Problem("", "", tests=(test,)), program) for test in tests for program in garbage])
    assert not any(grade.correct for grade in grades)
    # And a right program may call its helpers as it likes.
    right = Problem("", "", tests=("assert abs(f(2) - 1.41) < 1e-2", "assert len(f(2, 2)) == 2"))
    own = f"{taken}\ndef f(*xs):\n    return 1.4142 if xs == (2,) else [1.4142, 1.4142]"
    assert grader.grade([(right, own)])[0].correct


def test_a_function_that_is_asked_for_by_the_name_of_a_built_in_one_is_the_programs(grader):
    named = Problem("", "", solution="def sum(xs):\n    return -1", tests=("assert sum([1, 2]) == -1",))
    asked = Problem("", "", entry_point="sum", tests=("assert sum([1, 2]) == -1",))
    for problem in (named, asked):
        assert grader.grade([(problem, "def sum(xs):\n    return -1")])[0].correct
        assert not grader.grade([(problem, "def sum(xs):\n    return 3")])[0].correct
    nobody = Problem("", "", tests=("assert sum([1, 2]) == 3",))
    grade = grader.grade([(nobody, "def sum(xs):\n    return 0")])[0]
    assert (grade.correct, grade.reason) == (False, "the tests ask nothing of the program")


def test_imports_and_set_up_of_the_data_set_are_its_own(grader):
    yes = "class Yes:\n    def __getattr__(self, name): return lambda *given, **named: True\n    def __call__(self, *given, **named): return True\n"
    names = "math = isclose = Counter = check = expected = helper = np = re = sys = Yes()\n"
    for problem in (
        Problem("", "", setup="import math", tests=("assert math.isclose(f(2), 4)",)),
        Problem("", "", tests=("import math\nassert math.isclose(f(2), 4)",)),
        Problem("", "", tests=("from math import isclose", "assert isclose(f(2), 4)")),
        Problem(
            "", "", solution="import math\ndef f(x): return math.pow(x, 2)", tests=("assert math.isclose(f(2), 4)",)
        ),
        Problem(
            "", "", solution="from math import isclose\ndef f(x): return x * x", tests=("assert isclose(f(2), 4)",)
        ),
        Problem("", "", setup="from collections import Counter", tests=("assert Counter(f([1])) == Counter([1, 1])",)),
        Problem(
            "",
            "",
            setup="def helper(x): return x == 4\nexpected = 4",
            tests=("assert helper(f(2)) and f(2) == expected",),
        ),
        Problem("", "", tests=("def check(c):\n    assert c(2) == 4\ncheck(f)",)),
    ):
        assert not grader.grade([(problem, f"{yes}{names}def f(x): return 0")])[0].correct
    right = Problem("", "", solution="import math\ndef f(x): return x", tests=("assert math.isclose(f(2), 2)",))
    assert grader.grade([(right, "def f(x): return x")])[0].correct


GARBAGE = {
    4: "def abs(x): return 0\ndef {f}(*given): return 7.0",
    32: "def poly(xs, x): return 0.0\ndef {f}(*given): return 0.0",
    33: "def tuple(x): return 0\ndef {f}(l): return [9]",
    37: "def tuple(x): return 0\ndef {f}(l): return []",
    38: "def encode_cyclic(s): return s\ndef {f}(s): return s",
    50: "def encode_shift(s): return s\ndef {f}(s): return s",
}


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data are not there: {DATA}")
def test_garbage_for_humaneval_fails(grader):
    problems = load_problems(KINDS["humaneval"], str(DATA / "humaneval_first82.jsonl"))
    assert len(problems) == 82
    for number, text in GARBAGE.items():
        problem = problems[number]
        program = text.format(f=problem.entry_point)
        for completion in (program, f"```python\n{program}\n```", f"{problem.header}    pass\n\n{program}"):
            assert not grader.grade([(problem, completion)])[0].correct, problem.id
    everything = "\n".join(f"def {name}(*given, **named): return True" for name in BUILTINS)
    liars = [(p, f"{LIAR}{everything}\n{name} = f\n") for p in problems for name in [p.entry_point]]
    grades = grader.grade(liars)
    assert [p.id for (p, _), grade in zip(liars, grades, strict=True) if grade.correct] == []


@SLOW
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data are not there: {DATA}")
def test_nothing_that_says_yes_passes_mbpp(grader):
    problems = load_problems(KINDS["mbpp"], str(DATA / "mbpp_validation.jsonl"))
    assert len(problems) == 90
    everything = "\n".join(f"def {name}(*given, **named): return True" for name in BUILTINS)
    jobs = []
    for problem in problems:
        name = problem.tests[0].partition("(")[0].split()[-1]
        jobs.append((problem, f"{LIAR}{everything}\n{name} = f\n"))
    grades = grader.grade(jobs)
    passed = [(p.id, p.tests[0]) for (p, _), grade in zip(jobs, grades, strict=True) if grade.correct]
    assert passed == []


STOPS = {
    "all": "assert all(map(f, [1, 2, 3]))",
    "all of pairs": "assert all(f(x) == y for x, y in [(1, 2)])",
    "any": "assert not any(map(f, [1, 2, 3]))",
    "for": "for x in map(f, [1]):\n    assert x == 2",
    "list": "assert list(map(f, [])) == [] and list(map(f, [1])) == []",
    "zip": "for a, b in zip(map(f, [1]), [2]):\n    assert a == b",
    "filter": "assert list(filter(f, [1, 2])) == []",
    "sentinel": "for x in iter(lambda: f(1), 5):\n    assert x == 2",
    "attribute": "assert all(map(lambda x: f.value, [1]))",
    "item": "assert all(map(lambda x: f[0], [1]))",
    "sum": "assert sum(map(f, [1])) == 0",
    "star": "assert [*map(f, [1])] == []",
    "in": "assert 5 not in map(f, [1])",
    "takewhile": "import itertools\nassert list(itertools.takewhile(f, [1])) == []",
}


@pytest.mark.parametrize("name", sorted(STOPS))
@pytest.mark.parametrize(
    "error", ["StopIteration", *(pytest.param(e, marks=SLOW) for e in ("StopAsyncIteration", "GeneratorExit", "Own"))]
)
def test_an_error_that_would_end_a_loop_fails_the_test(grader, name, error):
    program = (
        f"class Own(StopIteration): pass\nclass F:\n    def __call__(self, *given): raise {error}\n"
        f"    __getitem__ = __call__\n    @property\n    def value(self): raise {error}\nf = F()\n"
    )
    for text in (program, f"{program}\ndef f(*given): raise {error}"):
        assert not grader.grade([(Problem("", "", tests=(STOPS[name],)), text)])[0].correct


GOING = {
    "exits": "import os\ndef f(*given): os._exit(0)",
    "is killed": "import os, signal\ndef f(*given): os.kill(os.getpid(), 9)",
    "crashes": "import ctypes\ndef f(*given): ctypes.string_at(0)",
    "writes on the line": "import os\ndef f(*given): os.write(3, b'{}\\n')",
    "writes what is no text": "import os\ndef f(*given): os.write(3, bytes(range(256)) + b'\\n')",
    "writes no end": "import os\ndef f(*given):\n    while True: os.write(3, b'x' * 65536)",
    "closes the line": "import os\ndef f(*given): os.close(3)",
    "returns what is too long": "def f(*given): return 'x' * (40 * 2**20)",
}


DEAR = "returns what is too long"


@pytest.mark.parametrize("name", [*sorted({*GOING} - {DEAR}), pytest.param(DEAR, marks=SLOW)])
def test_a_program_that_goes_is_wrong_whatever_its_tests_catch(grader, name):
    catching = (
        "try:\n    f(0)\nexcept ValueError:\n    pass\nelse:\n    assert False",
        "try:\n    f(0)\nexcept BaseException:\n    pass",
        "import contextlib\nwith contextlib.suppress(Exception):\n    f(0)",
        "import unittest\nwith unittest.TestCase().assertRaises(Exception):\n    f(0)",
    )
    grades = grader.grade([(Problem("", "", tests=(test,)), GOING[name]) for test in catching])
    assert not any(grade.correct for grade in grades)
    assert all(grade.reason for grade in grades)


def test_no_with_statement_swallows_an_assertion(grader):
    for body in (
        "assert x == 5",
        "y = x\n    assert y == 5",
        "y = x.nothing\n    assert y == 5",
        "y = undefined_name\n    assert y == 5",
        "check(x)",
        "for k in range(3):\n        check(x)",
        "import unittest\n    unittest.TestCase().assertEqual(x, 5)",
        "t = x.nothing\n    import unittest\n    unittest.TestCase().assertEqual(t, 5)",
    ):
        test = f"def check(x):\n    y = x\n    assert y == 5\nwith C() as x:\n    {body}"
        about = Problem("", "", tests=(test,))
        for value in ("0", "self", "None", "object()"):
            cheat = f"class C:\n    def __enter__(self): return {value}\n    def __exit__(self, *given): return True"
            assert not grader.grade([(about, cheat)])[0].correct, (body, value)
    swallowing = Problem(
        "", "", tests=("with C():\n    raise ValueError\n", "with C() as x:\n    x.n = 1\n    {}[1]\nassert x.n == 1")
    )
    right = "class C:\n    def __enter__(self): return self\n    def __exit__(self, kind, *rest): return kind is not None and issubclass(kind, (ValueError, KeyError))"
    assert grader.grade([(swallowing, right)])[0].correct


SWALLOWED = (
    "if x.v != 4: raise ValueError",
    "y = x.nothing\n    if y != 4: raise ValueError",
    "import sys\n    if x.v != 4: sys.exit(1)",
    "x.v == 4 or exit(1)",
    "for k in [4]:\n        if x.v != k:\n            raise RuntimeError('no')",
    "check(x.v)",
    "match x.v:\n        case 4: pass\n        case _: raise ValueError",
)


@pytest.mark.parametrize("body", SWALLOWED)
def test_no_with_statement_swallows_a_check_that_raises(grader, body):
    test = f"def check(x):\n    if x != 4: raise ValueError\nwith C() as x:\n    {body}"
    about = Problem("", "", tests=(test,))
    form = "class C:\n    def __init__(self): self.v = {}\n    def __enter__(self): return self\n    def __exit__(self, *given): return True"
    assert not grader.grade([(about, form.format(0))])[0].correct
    if "nothing" not in body:
        assert grader.grade([(about, form.format(4))])[0].correct


def test_a_with_statement_swallows_what_the_test_wants_swallowed(grader):
    right = "class C:\n    def __init__(self, *kinds): self.kinds = kinds\n    def __enter__(self): return self\n    def __exit__(self, kind, *rest): return kind is not None and issubclass(kind, self.kinds)"
    tests = (
        "with C(ZeroDivisionError): 1 / 0",
        "with C(ValueError): raise ValueError",
        "def risky(n):\n    if n < 0: raise ValueError\nwith C(ValueError): risky(-1)",
        "with C(ValueError):\n    int('x')\n    raise KeyError",
    )
    grade = grader.grade([(Problem("", "", tests=tests), right)])[0]
    assert grade.correct, grade.reason


def test_test_cases_that_fail_have_failed_though_nobody_looks(grader):
    case = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        with self.subTest(k=1): self.assertEqual(f(2), 4)\n    def test_b(self): self.assertEqual(f(2), 4)\n"
    for run in (
        "unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T))",
        "T('test_a').run()",
        "T('test_b')(unittest.TestResult())",
    ):
        about = Problem("", "", tests=(case + run, case + run))
        assert "failed" in grader.grade([(about, "def f(x): return 0")])[0].reason
        assert "failed" in grader.grade([(about, "def f(x): return x.nothing")])[0].reason
        grade = grader.grade([(about, "def f(x): return 2 * x")])[0]
        assert grade.correct, grade.reason


def test_a_module_that_a_test_looks_into_is_the_module(grader):
    for test, cheat in (
        ("assert math.isclose(f(2), 4)", "class math: isclose = staticmethod(lambda *a, **k: True)"),
        ("assert f(2) == int(re.sub('a', '4', 'a'))", "class re: sub = staticmethod(lambda *a: 0)"),
    ):
        about = Problem("", "", tests=(test,))
        assert not grader.grade([(about, f"{cheat}\ndef f(x): return 0")])[0].correct
        assert grader.grade([(about, f"{cheat}\ndef f(x): return 4")])[0].correct
    for test, right in (
        ("array.append(3)\nassert array.pop() == 3", "array = []"),
        ("assert select([1, 2]) == 1", "def select(x): return x[0]"),
        (
            "queue.put(3)\nassert queue.get() == 3",
            "class Q:\n    def put(s, x): s.x = x\n    def get(s): return s.x\nqueue = Q()",
        ),
    ):
        grade = grader.grade([(Problem("", "", tests=(test,)), right)])[0]
        assert grade.correct, grade.reason


LEAKS = (
    "cb.__globals__", "cb.__code__", "cb.__closure__", "cb.__self__", "cb.__func__", "cb.__class__.__base__", "cb.__builtins__",
    "gen.gi_frame", "gen.gi_code", "gen.gi_yieldfrom", "obj._hidden", "obj.__dict__", "obj.__class__.__init__", "obj.method.__func__",
    "obj.method.__self__", "obj.method.__globals__", "type(obj).__subclasses__()", "'{0.__globals__}'.format(cb)", "f'{cb.__globals__}'",
    "vars(obj)", "dir(obj)", "cls.__subclasses__()", "cls.__mro__[-1]", "err.__traceback__", "err.__context__", "mod.__dict__",
)  # fmt: skip


def test_a_program_finds_no_way_from_what_it_is_given_into_the_tests(grader):
    test = (
        "import types\nSECRET = 'the answer is 42'\n"
        "class O:\n    _hidden = SECRET\n    def method(self): return SECRET and None\n"
        "def cb(x=SECRET): return None\ndef g():\n    s = SECRET\n    yield 1\n"
        "try:\n    raise ValueError('x')\nexcept ValueError as e: err = e\n"
        "mod = types.ModuleType('mod')\nmod.cb = cb\n"
        "gen = g()\nnext(gen)\nfor name in NAMES:\n    found = look(name, cb, gen, O(), O, err, mod)\n    assert 'the answer is 42' not in found, found\n"
    )
    program = (
        f"NAMES = {list(LEAKS)!r}\n"
        "def look(name, cb, gen, obj, cls, err, mod):\n"
        "    seen = []\n"
        "    try: found = eval(name)\n"
        "    except BaseException as error: return repr(error)\n"
        "    for value in (found, getattr(found, '__globals__', None), getattr(found, 'f_globals', None), getattr(found, 'f_locals', None)):\n"
        "        seen.append(repr(value))\n"
        "        try: seen += [repr(item) for item in (value.values() if hasattr(value, 'values') else value)]\n"
        "        except BaseException as error: seen.append(repr(error))\n"
        "    return ' '.join(seen)\n"
    )
    grade = grader.grade([(Problem("", "", tests=(test,)), program)])[0]
    assert grade.correct, grade.reason


FORGED = (
    {"v": [5], "n": [], "c": 0},
    {"to": 2, "v": [5], "n": [], "c": 0, "extra": 1},
    {"to": 1, "v": [5], "n": [], "c": 0},
    {"to": 2, "v": [[0]], "n": [["std", "builtins.eval"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["std", "os.system"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["import", "os", "system"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["module", "antigravity"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["module", "no.such.module"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["yours", 1]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["yours", 99]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["mine", 999]], "c": 0},
    {"to": 2, "v": [[5]], "n": [["list", 2, []]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["list", 2, [[0]]]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["tuple", [[0]]]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["dict", 2, [1]]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["set", 2, [[1]]], ["list", 4, []]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["list", 1, [9]]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["list", None, [9]]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["int", "zz"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["Fraction", "0x1", "0x0"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["date", 0, 0, 0]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["path", "Path", "x"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["ZoneInfo", "../../etc/passwd"]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["class", 9, "X", [], ["__getattribute__"], [], None, None]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["class", 9, "X", [], ["__class__"], [], None, None]], "c": 0},
    {"to": 2, "v": [[0]], "n": [["class", 9, "X", [], [], ["__new__", "__del__", "__class__"], None, "builtins.int"]], "c": 0},
    {"to": 2, "v": [[1]], "n": [["class", 9, "X", [], ["__eq__"], [], None, "builtins.int"], ["object", 10, [0]]], "c": 0},
    {"to": 2, "v": [[2]], "n": [["std", "builtins.int"], ["class", 9, "X", [[0]], ["__eq__"], [], None, None], ["object", 10, [1], 7]], "c": 0},
    {"to": 2, "v": [[2]], "n": [["std", "builtins.int"], ["class", 9, "X", [[0]], ["__eq__"], [], None, None], ["object", 10, [1], "x"]], "c": 0},
    {"to": 2, "v": [[1]], "n": [["std", "builtins.type"], ["class", 9, "X", [[0]], [], [], None, None]], "c": 0},
    {"to": 2, "v": [[1]], "n": [["std", "builtins.int"], ["error", 9, [0], [], None]], "c": 0, "raised": True},
    {"to": 2, "v": [5], "n": [], "c": 0, "raised": True},
    {"to": 2, "v": [5], "n": [], "c": 7},
    {"to": 2, "v": [5, 5], "n": [], "c": 0},
    {"to": 2, "v": [{"k": "int"}], "n": [], "c": 0},
    {"to": 2, "v": [5], "n": {}, "c": 0},
    {"to": 2, "v": [5], "n": [], "c": 0, "out": 5, "err": ["x"]},
    {"do": "run", "id": 1, "v": ["1"], "n": [], "c": 0},
    {"do": "get", "id": 1, "v": ["{0.__class__}", "format"], "n": [], "c": 0},
    {"do": "special", "id": 1, "v": ["__mod__", "%s", [0]], "n": [["tuple", [1]]], "c": 0},
    {"do": "stdin", "id": 1, "v": ["close", 1], "n": [], "c": 0},
    {"do": ["x"], "id": 1, "v": [], "n": [], "c": 0},
    [], 5, "x", None,
)  # fmt: skip


@pytest.mark.parametrize("number", range(len(FORGED)))
def test_no_forged_message_passes_a_test(grader, number):
    line = json.dumps(FORGED[number])
    about = Problem("", "", tests=("xs = [1]\nassert f(xs) == 99",))
    program = f"import os\ndef f(xs):\n    os.write(3, {line!r}.encode() + b'\\n')\n    return 0"
    assert not grader.grade([(about, program)])[0].correct
    assert grader.grade([(about, "def f(xs): return 99")])[0].correct


def test_an_assertion_in_a_call_back_has_failed_whatever_the_program_does(grader):
    swallow = "def f(g, *given):\n    try: g(*given)\n    except BaseException: pass\n    return True\n"
    for test in (
        "def g(x=1):\n    assert x == 2\nassert f(g)",
        "@deco\ndef check():\n    assert 1 == 2\ncheck()",
        "import unittest\nassert f(lambda: unittest.TestCase().assertEqual(1, 2))",
    ):
        cheat = swallow + "def deco(g): return lambda *given: f(g, *given)\n"
        assert not grader.grade([(Problem("", "", tests=(test,)), cheat)])[0].correct
    fine = Problem(
        "", "", tests=("def g(): raise ValueError\nassert f(g)", "def h(x):\n    assert x == 2\nassert f(h, 2)")
    )
    assert grader.grade([(fine, swallow)])[0].correct


def test_no_module_goes_by_the_name_of_another(grader):
    about = Problem("", "", tests=("assert math.sqrt(f(2)) == 2",))
    assert not grader.grade([(about, "import operator as math\ndef f(x): return 0")])[0].correct
    assert grader.grade([(about, "import math\ndef f(x): return 4")])[0].correct
    formatting = Problem("", "", tests=("SECRET = 5\ndef g(): pass\nassert f(str.format, g) == 'no'",))
    steal = "def f(form, g):\n    try: return form('{0.__globals__}', g)\n    except AttributeError: return 'no'"
    grade = grader.grade([(formatting, steal)])[0]
    assert "SECRET" not in grade.reason


OUTSIDE = (
    "import os\ndef f(): return os",
    "import os\nfs = os",
    "import os\ndef f(): return os.mkdir",
    "import shutil\ndef f(): return shutil.rmtree",
    "import pathlib\ndef f(): return pathlib.Path.touch",
    "import time\ndef f(): return time.clock_settime",
    "import os\nmkdir = os.mkdir",
    "import sys\ndef f(): return sys.modules",
)


def test_no_function_or_module_that_a_program_gives_is_the_checkers_own(grader, tmp_path):
    """A test that asks for something with a method `mkdir` does not get one that makes a folder out here."""
    made = tmp_path / "made"
    for program in OUTSIDE:
        for test in (
            f"f().mkdir({str(made)!r})", f"f()({str(made)!r})", f"fs.mkdir({str(made)!r})", f"mkdir({str(made)!r})",
            f"f()['os'].mkdir({str(made)!r})", f"f()['posix'].mkdir({str(made)!r})", "f()(0, 0.0)",
        ):  # fmt: skip
            assert not grader.grade([(Problem("", "", tests=(test,)), program)])[0].correct
            assert not made.exists()
