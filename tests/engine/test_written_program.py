"""The program in a completion, and what a problem's tests want of one."""

import contextlib
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


WHOLE = f"{HELPER}\n\n{F_TEXT}"
WRONG = "def f(x):\n    return 0"
DOCUMENTED = 'def f(x):\n    """Doubles.\n\n    ```\n    >>> f(2)\n    4\n    ```\n    """\n    return 2 * x'


@pytest.mark.parametrize(
    "completion",
    [
        f"<think>First:\n```python\n{WRONG}\n```\nNo.</think>\n{fenced(WHOLE)}",
        f"First:\n```python\n{WRONG}\n```\nNo.</think>\n{fenced(WHOLE)}",  # it began in the prompt
        f"<think>a <think>b\n{fenced(WRONG)}</think> c\n{fenced(WRONG)}</think>{WHOLE}",
        f"<think>a</think>{fenced(WHOLE)}<think>or is it\n{fenced(WRONG)}",
        f"{fenced(WHOLE)}<think>Is it right?</think>\nIt is.",
        f"<think>a</think><think>{WRONG}</think>\n{WHOLE}",
        fenced('S = "</think>"\n' + WHOLE + "\n\ndef g(s):\n    return s.replace('<think>', '').split(\"</think>\")"),
        f"{WHOLE}<|endoftext|>",
        f"{WHOLE}\n<|im_end|>\n<|im_start|>user\nAnd now g",
        f"```python\n{WHOLE}\n```<|im_end|><|endoftext|>",
        f"{WHOLE}</s>",
        f"{WHOLE}<|eot_id|>\n\n",
        f"<|im_start|>assistant\n```python\n{WHOLE}\n```",
        f'```python title="x.py"\n{WHOLE}\n```',
        f"```python:x.py\n{WHOLE}\n```",
        f"```{{.python}}\n{WHOLE}\n```",
        f"```python3.11\n{WHOLE}\n```",
        f"~~~python\n{WHOLE}\n~~~\nDone.",
        f"````python\n{WHOLE}\n````\nDone.",
        f"[BEGIN]\n{WHOLE}\n[DONE]",
        f"{WHOLE}\n[DONE]\nYou are an expert",
        f"[PYTHON]\n{WHOLE}\n[/PYTHON]",
        f"\ufeff{WHOLE}",
        f"```python\n\ufeff{WHOLE}\n```",
        "\n".join(f"    {line}" for line in WHOLE.split("\n")),
        "Here it is:\n\n" + "\n".join(f"    {line}" if line else "" for line in WHOLE.split("\n")) + "\n\nDone.",
        fenced("\n".join(f"    {line}" for line in WHOLE.split("\n"))),
        fenced(DOCUMENTED),
        fenced(DOCUMENTED.replace("    ```\n", "```\n")),
        DOCUMENTED,
        f"{WHOLE}\n\nThis function doubles what it is given.",
        f"Here is the function:\n\n{WHOLE}\n\nIt works as follows:\n\n1. It doubles.\n2. It returns.",
        f"from what was said, two is doubled.\n\nimport math\n{WHOLE}",
        f"{WHOLE}\n\ndef main():\n    print(f(2",
        f"```python\n{WHOLE}\n\n@cache\ndef main():\n    if",
        f'{WHOLE}\n\ndef main():\n    """Not closed',
    ],
)
def test_a_right_program_is_found_in_whatever_is_written_around_it(completion):
    assert right(written_program(F, completion))


@pytest.mark.parametrize(
    "completion",
    [
        f"<think>{fenced(WHOLE)}",
        f"<think>{fenced(WHOLE)}</think>",
        f"{fenced(WHOLE)}</think>I do not know.",
        f"{WHOLE}\nx = = 2\ny = 3",
        fenced(f"{WHOLE}\nx = = 2\ny = 3"),
        f"{fenced(WRONG)}<think>{fenced(WHOLE)}</think>",
        "def f(x:",
    ],
)
def test_what_is_no_program_or_only_thought_is_none(completion):
    with contextlib.suppress(SyntaxError, KeyError, NameError):
        assert not right(written_program(F, completion))


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
        "    return math.pi + a\n\ndef g(x):\n    return (x +",
        "    return math.pi + a\n\nThis returns the sum of both.",
        "b = math.pi\n    return b + a",
        "    return math.pi + a<|endoftext|>",
        "<think>return 0</think>    return math.pi + a",
        "Here:\n\ndef f(a):\n    return math.pi + a\n\nThat is all there is.",
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


MARKS = ("<think>", "</think>", "<|im_end|>", "~~~", '"""', "[BEGIN]\n", "[DONE]\n")


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from((*CLASSES, *MARKS)) | st.text(string.printable, max_size=4), st.integers(0, 20_000)),
        max_size=4,
    ),
    problem=st.sampled_from([F, HEADER]),
)
def test_every_text_is_read_to_its_end(parts, problem):
    text = "".join(part * times for part, times in parts)
    assert isinstance(written_program(problem, text), str)


@pytest.mark.parametrize("part", MARKS)
def test_long_repetitions_of_marks_are_read_to_their_end(part):
    for problem in (F, HEADER):
        written_program(problem, part * 30_000)
        written_program(problem, f"```python\n{part * 30_000}")


@pytest.mark.parametrize("times", [120_000, pytest.param(1_000_000, marks=pytest.mark.slow)])  # longer than a program
@pytest.mark.parametrize("part", CLASSES)
def test_long_repetitions_take_no_longer_than_their_length(part, times):
    for problem in (F, HEADER):
        written_program(problem, f"```{part * times}")
        written_program(problem, part * times)
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
