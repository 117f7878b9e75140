# ruff: noqa: E501
"""Programs that a model wrote: right ones pass, wrong ones do not, whatever they try."""

import os
import threading
from pathlib import Path

import psutil
import pytest

from sapo_engine.grading import programs
from sapo_engine.grading.base import Problem
from sapo_engine.grading.programs import SANDBOXES, ProgramGrader, fault, probe, written_program
from sapo_engine.sandbox import restrict
from sapo_engine.tasks.kinds import KINDS, load_problems
from sapo_studio.errors import InputError

HOW, WHY = probe()
pytestmark = pytest.mark.skipif(HOW == "none", reason=f"no sandbox here: {WHY}")
DATA = Path(os.environ.get("SAPO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
ADD = Problem("add", "Add two numbers.", tests=("assert f(2, 3) == 5", "assert f(-1, 1) == 0", "assert f(10, 0) == 10"))


def held_by(how, newest=restrict.NEWEST):
    return ProgramGrader(seconds=2.0, memory_mb=256, processes=2, sandbox=how, newest_landlock=newest)


@pytest.fixture(scope="module")
def grader():
    """For what is the same in every sandbox: the checker's side."""
    grader = held_by(HOW)
    yield grader
    grader.close()


@pytest.fixture(scope="module", params=[*SANDBOXES, "landlock 1"])
def each_grader(request):
    how, _, newest = request.param.partition(" ")  # Landlock as Linux 5.13 has it, and no newer one
    if fault(how):
        pytest.skip(fault(how))
    grader = held_by(how, int(newest or restrict.NEWEST))
    yield grader
    grader.close()


def run(grader, program, problem=ADD):
    return grader.grade([(problem, program)])[0]


def test_a_right_program_passes_and_a_wrong_one_is_told_which_test_failed(each_grader):
    grader = each_grader
    assert run(grader, "def f(a, b):\n    return a + b").correct
    wrong = run(grader, "def f(a, b):\n    return a + b if a > 0 else 7")
    assert not wrong.correct
    assert wrong.reason == "test 2 of 3: assert f(-1, 1) == 0 (got 7)"
    assert "NameError" in run(grader, "def g(): pass").reason
    assert "does not run: SyntaxError" in run(grader, "def f(:").reason
    assert "ZeroDivisionError" in run(grader, "def f(a, b): return a // 0").reason


def test_values_of_all_kinds_come_across(grader):
    values = [
        "[1, 2.5, 'x', None, True]",
        "(1, (2, [3]))",
        "{1: 'a', (2, 3): {4}}",
        "{1, 2, frozenset({3})}",
        "float('inf')",
        "10**400",
        "b'ab'",
        "3 + 4j",
        "__import__('collections').Counter('aab')",
        "__import__('decimal').Decimal('1.10')",
        "__import__('collections').OrderedDict([(1, 2)])",
        "range(3)",
        "int",
    ]
    for value in values:
        problem = Problem("v", "", tests=(f"assert f({value}) == {value}", f"assert type(f({value})) == type({value})"))
        grade = run(grader, "def f(x): return x", problem)
        assert grade.correct, (value, grade.reason)
    nan = Problem("nan", "", tests=("assert f() != f()",))
    assert run(grader, "def f(): return float('nan')", nan).correct
    lazy = Problem("lazy", "", tests=("assert list(f(3)) == [0, 1, 2]",))
    assert run(grader, "def f(n):\n    yield from range(n)", lazy).correct


def test_objects_and_changes_in_place_come_across(grader):
    tree = Problem(
        "tree",
        "",
        setup="root = Node(1)\nroot.left = Node(2)\nroot.left.left = Node(3)",
        tests=("assert depth(root) == 3", "assert root.left.value == 2"),
    )
    program = (
        "class Node:\n    def __init__(self, value):\n        self.value, self.left = value, None\n"
        "def depth(node):\n    return 0 if node is None else 1 + depth(node.left)\n"
    )
    assert run(grader, program, tree).correct
    in_place = Problem("sort", "", tests=("a = [3, 1, 2]\nf(a)\nassert a == [1, 2, 3]",))
    assert run(grader, "def f(a): a.sort()", in_place).correct
    assert not run(grader, "def f(a): sorted(a)", in_place).correct
    raises = Problem("raises", "", tests=("try:\n    f(0)\nexcept ValueError:\n    pass\nelse:\n    assert False",))
    assert run(grader, "def f(x): raise ValueError('no')", raises).correct


CHEATS = {
    "exit": "import sys\nsys.exit(0)",
    "os._exit": "import os\nos._exit(0)",
    "exit in the call": "import os\ndef f(a, b): os._exit(0)",
    "system exit in the call": "def f(a, b): raise SystemExit(0)",
    "equal to everything": "class E:\n    def __eq__(self, o): return True\n    __hash__ = None\ndef f(a, b): return E()",
    "int that equals everything": "class E(int):\n    def __eq__(self, o): return True\n    def __ne__(self, o): return False\n    __hash__ = int.__hash__\ndef f(a, b): return E(9)",
    "str that equals everything": "class E(str):\n    def __eq__(self, o): return True\ndef f(a, b): return E('x')",
    "walk the frames": "import sys\ndef f(a, b):\n    g = sys._getframe()\n    while g:\n        for v in list(g.f_locals.values()):\n            if isinstance(v, list): v.append(True)\n        g = g.f_back\n    return None",
    "search by gc": "import gc\ndef f(a, b):\n    for o in gc.get_objects():\n        if isinstance(o, dict) and 'tests' in o: return 5\n    return -99",
    "patch builtins": "import builtins\nbuiltins.AssertionError = ValueError\nbuiltins.all = lambda *a: True\ndef f(a, b): return 1",
    "patch json": 'import json\njson.dumps = lambda *a, **k: \'{"correct": true, "value": 5}\'\ndef f(a, b): return 1',
    "patch the protocol": "import sys\nfor m in list(sys.modules.values()):\n    for n in ('encode', 'decode'):\n        if hasattr(m, n) and m.__name__ == 'wire': setattr(m, n, lambda *a, **k: 5)\ndef f(a, b): return 1",
    "forged lines": 'import os\nfor i in range(64):\n    try: os.write(i, b\'{"correct": true, "reason": ""}\\n\')\n    except OSError: pass\ndef f(a, b): return 1',
    "forged answers": "import os\ndef f(a, b):\n    for i in range(64):\n        try: os.write(i, b'{\"value\": 1}\\n' * 5)\n        except OSError: pass\n    return 1",
    "close everything": "import os\nos.closerange(0, 256)\ndef f(a, b): return 1",
    "at exit": "import atexit, os\natexit.register(lambda: os.write(3, b'{\"correct\": true}\\n'))\ndef f(a, b): return 1",
    "thread": "import threading, time\nthreading.Thread(target=lambda: time.sleep(60)).start()\ndef f(a, b): return 1",
    "recursion": "def f(a, b): return f(a, b)",
    "deep nesting": "def f(a, b):\n    x = []\n    for _ in range(100000): x = [x]\n    return x",
    "endless generator": "def f(a, b):\n    while True: yield 1",
    "endless text": "def f(a, b): return 'x' * (64 * 2**20)",
    "ignores signals": "import signal, time\nfor s in (2, 14, 15, 24): signal.signal(s, signal.SIG_IGN)\ndef f(a, b):\n    while True: time.sleep(9)",
    "monkey in the parent": "import ctypes\ndef f(a, b): return ctypes",
    "lambda for a value": "def f(a, b): return lambda: 5",
    "nan": "def f(a, b): return float('nan')",
}


@pytest.mark.parametrize("name", sorted(CHEATS))
def test_no_cheat_passes(grader, name):
    grade = run(grader, CHEATS[name])
    assert not grade.correct
    assert grade.reason
    assert run(grader, "def f(a, b): return a + b").correct  # and nothing is left of it


ATTACK = """
def attack():
    try:
        {attack}
    except BaseException as error:
        return type(error).__name__
    return 'done'
went[{name!r}] = attack()
"""
ATTACKS = {
    "fork": "import os; os.fork()",
    "vfork and exec": "import subprocess; subprocess.run(['/bin/true'])",
    "exec": "import os; os.execv('/bin/true', ['true'])",
    "write outside": "open('{tmp}/written', 'w').write('x')",
    "write here": "open('written', 'w').write('x')",
    "unlink": "import os; os.unlink('{tmp}/victim')",
    "truncate": "import os; os.truncate('{tmp}/victim', 0)",
    "read a secret": "open('{tmp}/victim').read()",
    "read ssh keys": "import os; os.listdir('/root/.ssh')",
    "read passwords": "open('/etc/passwd').read()",
    "symlink": "import os; os.symlink('{tmp}/victim', '/tmp/link')",
    "environment of others": "open('/proc/{pid}/environ').read()",
    "memory of others": "open('/proc/{pid}/mem', 'rb').read(1)",
    "network": "import socket; socket.socket()",
    "abstract socket": "import socket; socket.socketpair()",
    "kill": "import os; os.kill({pid}, 0)",
    "kill all": "import os; os.kill(-1, 0)",
    "signal a thread of others": "import signal, ctypes\n        if ctypes.CDLL(None, use_errno=True).syscall(234, {pid}, {pid}, 0): raise OSError(ctypes.get_errno(), 'x')",
    "session": "import os; os.setsid()",
    "ptrace": "import ctypes\n        if ctypes.CDLL(None, use_errno=True).ptrace(16, {pid}, 0, 0) == -1: raise OSError(1, 'x')",
    "memfd": "import os; os.memfd_create('x')",
    "more time": "import resource; resource.setrlimit(resource.RLIMIT_CPU, (999, 999))",
    "device": "import os; os.mknod('/tmp/device', 0o020666, os.makedev(1, 1))",
    "folder": "import os; os.mkdir('/tmp/made')",
    "chmod": "import os; os.chmod('{tmp}/victim', 0o777)",
}


REFUSALS = ("PermissionError", "OSError", "ValueError", "FileNotFoundError", "ProcessLookupError")
"""bubblewrap shows a world in which most of it does not exist."""


def test_no_attack_succeeds(each_grader, tmp_path):
    """One program tries them all, each with a victim of its own."""
    program = "went = {}\n"
    for name, attack in ATTACKS.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "victim").write_text("secret")
        program += ATTACK.format(attack=attack.format(tmp=folder, pid=os.getpid()), name=name)
    tests = tuple(f"assert said({name!r}) in {REFUSALS}" for name in ATTACKS)
    grade = run(each_grader, f"{program}\ndef said(name): return went[name]", Problem("shut", "", tests=tests))
    assert grade.correct, grade.reason
    for name in ATTACKS:
        assert (tmp_path / name / "victim").read_text() == "secret", name
        assert [path.name for path in (tmp_path / name).iterdir()] == ["victim"], name


def test_the_environment_holds_no_secret(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    own = ProgramGrader(seconds=2.0)
    empty = Problem("env", "", tests=("assert set(f()) <= {'PATH', 'LANG', 'PYTHONHASHSEED', 'LC_CTYPE', 'PWD'}",))
    assert run(own, "import os\ndef f(): return list(os.environ)", empty).correct
    own.close()


def test_a_memory_bomb_is_told(each_grader):
    grade = run(each_grader, "def f(a, b):\n    return len(bytearray(2**31))")
    assert not grade.correct
    assert grade.reason == "used more than 256 MiB"


@pytest.mark.timeout(120)  # for the twenty others it would be as long as each of them hung
def test_a_hung_program_costs_its_own_time_and_the_others_go_on():
    hang = "def f(a, b):\n    while True: pass"
    own = ProgramGrader(seconds=1.0, processes=2)
    right = [(ADD, f"def f(a, b):\n    return a + b  # {k}") for k in range(20)]
    grades = own.grade([(ADD, hang), *right])
    assert grades[0].reason == "ran out of time (1 s)"
    assert all(grade.correct for grade in grades[1:])
    own.close()


def test_tests_that_hang_are_stopped_too(grader):
    endless = Problem("endless", "", tests=("import time\nwhile True: time.sleep(9)",))
    assert run(grader, "def f(): pass", endless).reason == "ran out of time (2 s)"
    gone = Problem("gone", "", tests=("import os; os._exit(0)",))
    assert not run(grader, "def f(): pass", gone).correct


def test_a_flood_of_output_costs_nothing(grader):
    assert run(grader, "print('x' * 10**7)\ndef f(a, b):\n    print('y' * 10**6)\n    return a + b").correct


def test_it_works_in_a_thread_and_leaves_no_process():
    own = ProgramGrader(seconds=2.0, processes=2)
    found = []
    thread = threading.Thread(target=lambda: found.extend(own.grade([(ADD, "def f(a, b): return a + b")] * 3)))
    thread.start()
    thread.join(60)
    assert [grade.correct for grade in found] == [True] * 3
    assert len(own._idle) == 1  # equal programs are run once
    judge = psutil.Process(own._idle[0].pid)
    family = [judge, *judge.children(recursive=True)]
    own.close()
    own.close()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


def test_without_a_sandbox_nothing_is_run_unless_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(programs, "probe", lambda: ("none", "made up for this test"))
    with pytest.raises(InputError, match="Programs cannot be graded") as caught:
        ProgramGrader()
    assert "made up for this test" in caught.value.why
    assert "task.unsandboxed" in caught.value.fix
    own = ProgramGrader(unsandboxed=True, seconds=2.0)
    assert run(own, "def f(a, b): return a + b").correct
    assert not run(own, "import sys; sys.exit(0)").correct
    own.close()


def test_a_program_is_taken_out_of_what_is_written_around_it():
    assert written_program(ADD, "Here it is:\n```python\ndef f(): pass\n```\nDone.") == "def f(): pass"
    header = Problem("h", "", tests=("x",), entry_point="f", header='import math\n\ndef f(a):\n    """Doc."""\n')
    for completion in ("    return math.pi + a\n", "return math.pi + a", "```\ndef f(a):\n    return math.pi + a\n```"):
        space = {}
        exec(written_program(header, completion), space)
        assert space["f"](1) > 4


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data are not there: {DATA}")
@pytest.mark.parametrize(
    ("kind", "file", "count", "tried"),
    [
        ("mbpp", "mbpp_prompt", 10, 10),
        pytest.param("mbpp", "mbpp_train", 374, 374, marks=pytest.mark.slow),
        pytest.param("mbpp", "mbpp_validation", 90, 90, marks=pytest.mark.slow),
        ("humaneval", "humaneval_first82", 82, 10),
        pytest.param("humaneval", "humaneval_first82", 82, 82, marks=pytest.mark.slow),
    ],
)
def test_every_reference_solution_passes(kind, file, count, tried):
    everything = load_problems(KINDS[kind], str(DATA / f"{file}.jsonl"))
    assert len(everything) == count
    problems = everything[:tried]
    own = ProgramGrader(seconds=10.0)
    grades = own.grade([(problem, problem.solution) for problem in problems])
    # And the right program for another problem does not.
    others = own.grade([(problem, problems[k - 1].solution) for k, problem in enumerate(problems)][:40])
    own.close()
    assert [(p.id, g.reason) for p, g in zip(problems, grades, strict=True) if not g.correct] == []
    assert sum(grade.correct for grade in others) <= 1
