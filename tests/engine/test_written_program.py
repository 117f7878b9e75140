"""The program in a completion, and what a problem's tests want of one."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sapo_engine.grading.base import Problem
from sapo_engine.grading.program_names import names_of, wanted_by
from sapo_engine.grading.written_program import written_program

F = Problem("f", "", tests=("assert f(2) == 4",))
HEADER = Problem("h", "", tests=("x",), entry_point="f", header='import math\n\ndef f(a):\n    """Doc."""\n')
F_TEXT = "def f(x):\n    return helper(x)"
HELPER = "def helper(x):\n    return 2 * x"


def fenced(*blocks, info="python"):
    return "Here it is:\n\n" + "\n\nThen:\n\n".join(f"```{info}\n{block}\n```" for block in blocks) + "\n\nDone."


def right(program):
    space = {}
    exec(program, space)
    return space["f"](2) == 4


@pytest.mark.parametrize(
    "completion",
    [
        fenced(HELPER, F_TEXT),
        fenced(F_TEXT, HELPER),
        fenced(HELPER, f"{HELPER}\n\n{F_TEXT}"),
        fenced(HELPER, F_TEXT, "print(f(2))\nassert f(2) == 5"),
        fenced(HELPER, F_TEXT, "4"),
        fenced("pip install nothing-of-the-kind", HELPER, F_TEXT),
        "```bash\npip install x\n```\n" + fenced(HELPER, F_TEXT),
        fenced(HELPER) + "```text\n4\n```\n" + fenced(F_TEXT),
        fenced("import math\nTWO = int(math.sqrt(4))", "def f(x):\n    return TWO * x"),
        fenced("class Double:\n    def go(self, x): return 2 * x", "def f(x):\n    return Double().go(x)"),
        fenced("    def helper(x):\n        return 2 * x", F_TEXT),
        fenced(HELPER, F_TEXT).replace("\n", "\r\n"),
        fenced(f"{HELPER}\n\n{F_TEXT}", info="py"),
        fenced(f"{HELPER}\n\n{F_TEXT}", info=" Python "),
        fenced(f"{HELPER}\n\n{F_TEXT}", info="python3"),
        fenced(f"{HELPER}\n\n{F_TEXT}", info=""),
        f"```python\n{HELPER}\n\n{F_TEXT}",
        f"Sure: ```python\n{HELPER}\n\n{F_TEXT}```",
        f"{HELPER}\n\n{F_TEXT}",
    ],
)
def test_the_program_is_put_together_from_the_fences_that_it_needs(completion):
    assert right(written_program(F, completion))


def test_the_first_version_counts_as_it_always_did():
    first, second = "def f(x):\n    return 2 * x", "def f(x):\n    return x ** 3"
    assert written_program(F, fenced(first, second)) == first
    assert written_program(F, fenced(first, "print(f(1))")) == first
    assert written_program(F, "Here it is:\n```python\ndef f(): pass\n```\nDone.") == "def f(): pass"
    assert written_program(F, "no program at all") == "no program at all"
    assert written_program(F, "```text\nno program\n```") == "```text\nno program\n```"


@pytest.mark.parametrize(
    "completion",
    [
        "    return math.pi + a\n",
        "return math.pi + a",
        "return math.pi + a\nprint(f(3))\nassert False",
        "    return math.pi + a\n# Test cases\nassert f(1) == 7",
        "```\ndef f(a):\n    return math.pi + a\n```",
        "```python\n    return math.pi + a\n```",
        "```python\n    return math.pi + a\n```\nAs in:\n```python\nprint(f(1))\n```",
        "  def f(a):\n      return math.pi + a",
        "```python\ndef half(a):\n    return a\n```\n```python\ndef f(a):\n    return math.pi + half(a)\n```",
        "async_a = 1\ndef   f (a):\n    return math.pi + a",
    ],
)
def test_a_header_is_gone_on_from_or_replaced(completion):
    space = {}
    exec(written_program(HEADER, completion), space)
    assert space["f"](1) > 4


CLASSES = (
    *(
        "`",
        "```",
        "```python\n",
        "```\n",
        " ",
        "\t",
        "\n",
        "\r\n",
        "def ",
        "def f",
        "async ",
        "#",
        "# Test",
        "assert",
        "(",
    ),
    *("\x00", "\ud800", "é", "a", "1", "\\", "'", '"', "if __name__", "print(", "[", "-", ":", "=", "lambda:"),
)


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(CLASSES) | st.text(string.printable, max_size=4), st.integers(0, 20_000)), max_size=4
    ),
    problem=st.sampled_from([F, HEADER]),
)
def test_every_text_is_read_to_its_end(parts, problem):
    text = "".join(part * times for part, times in parts)
    assert isinstance(written_program(problem, text), str)


@pytest.mark.parametrize("part", CLASSES)
def test_long_repetitions_take_no_longer_than_their_length(part):
    for problem in (F, HEADER):
        written_program(problem, f"```{part * 1_000_000}")
        written_program(problem, part * 1_000_000)
        written_program(problem, f"```python\n{part * 20_000}\n```\n```python\n{part * 20_000}\n```")


def test_what_tests_want_is_read_from_the_reference_solution():
    problem = Problem(
        "",
        "",
        solution="import math, os.path\nfrom re import sub as swap\nimport numpy\n"
        "class P: pass\nQ = namedtuple('Q', 'x')\n"
        "if True:\n    class R: pass\ndef sum(x): return x\ndef max(x): return x\nLIMIT = 3",
        setup="root = P()",
        tests=("assert sum(math.pi) == swap('a', 'b', os.path.sep) and numpy", "def helper(): return LIMIT"),
        header="def poly(x): return x",
        entry_point="go",
    )
    wanted = wanted_by(problem)
    assert wanted.header == "import math\nimport os.path\nfrom re import sub as swap\ndef poly(x): return x"
    assert wanted.asked == ("go", "sum")  # max is not what the tests use
    assert wanted.classes == ("P", "Q", "R")
    unknown = wanted_by(Problem("", "", tests=("assert Stack(len([1])).push(_Own(2)) == helper(ValueError)",)))
    assert (unknown.header, unknown.asked, unknown.classes) == ("", (), ("Stack", "_Own"))
    assert wanted_by(Problem("", "", solution="this is no Python", tests=("neither is this",))).classes == ()


def test_names_of_a_text():
    found = names_of(
        "a = b = 1\nc: int = 2\nd += 3\n(e, f) = g\nfor _ in ():\n    h = 1\ntry:\n    i = 1\nexcept E:\n    j = 2\n"
    )
    assert found is not None
    assert found.defined == set("abcdefhij")
    assert {"g", "E", "int"} <= found.used
    assert names_of("def (") is None
    assert names_of("\ud800") is None
    assert names_of("\x00") is None
    assert names_of(f"x = {'9' * 10_000}") is not None
