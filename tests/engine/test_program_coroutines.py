# ruff: noqa: E501
"""Coroutines of programs and of tests wait for each other, each in the event loop of its own side."""

import pytest

from sapo_engine.grading.base import Problem
from sapo_engine.grading.programs import ProgramGrader, probe

HOW, WHY = probe()
pytestmark = pytest.mark.skipif(HOW == "none", reason=f"no sandbox here: {WHY}")


@pytest.fixture(scope="module")
def grader():
    grader = ProgramGrader(seconds=20.0, memory_mb=1024, processes=2)
    yield grader
    grader.close()


SLEEPING = "async def f(x):\n    await asyncio.sleep(.01)\n    return x\n"
RIGHT = {
    "run, awaited, gathered, a task, with a time limit, by the test": (
        SLEEPING,
        "assert asyncio.run(f(1)) == 1",
        "async def m(): return await f(2)\nassert asyncio.run(m()) == 2",
        "async def m(): return await asyncio.gather(f(1), f(2))\nassert asyncio.run(m()) == [1, 2]",
        "async def m():\n    t = asyncio.create_task(f(3))\n    return await t\nassert asyncio.run(m()) == 3",
        "async def m(): return await asyncio.wait_for(f(3), 9)\nassert asyncio.run(m()) == 3",
        "async def m():\n    async with asyncio.TaskGroup() as g: a, b = g.create_task(f(1)), g.create_task(f(2))\n    return a.result() + b.result()\nassert asyncio.run(m()) == 3",
    ),
    "gathered, a task, with a time limit, a queue, by the program": (
        f"{SLEEPING}async def g(): return await asyncio.gather(f(1), f(2))\n"
        "async def h():\n    t = asyncio.create_task(f(5))\n    return await t\n"
        "async def w():\n    try: await asyncio.wait_for(asyncio.sleep(9), .01)\n    except asyncio.TimeoutError: return 'late'\n"
        "async def q():\n    q, r = asyncio.Queue(), []\n    async def put():\n        for i in range(3): await q.put(i)\n        await q.put(None)\n    async def get():\n        while (x := await q.get()) is not None: r.append(x)\n    await asyncio.gather(put(), get())\n    return r",
        "assert asyncio.run(g()) == [1, 2] and asyncio.run(h()) == 5",
        "assert asyncio.run(w()) == 'late'",
        "assert asyncio.run(q()) == [0, 1, 2]",
    ),
    "cancelled by the test's time limit": (
        "async def f():\n    try: await asyncio.sleep(99)\n    except asyncio.CancelledError:\n        seen.append(1)\n        raise\nseen = []",
        "async def m():\n    try: await asyncio.wait_for(f(), .05)\n    except asyncio.TimeoutError: return 'late'\nassert asyncio.run(m()) == 'late' and seen == [1]",
    ),
    "one that waits for another one": (
        "def make(): return asyncio.Event()\nasync def wait(event):\n    await event.wait()\n    return 'set'\nasync def go(event):\n    await asyncio.sleep(.01)\n    event.set()",
        "async def m():\n    event = make()\n    return await asyncio.gather(wait(event), go(event))\nassert asyncio.run(m()) == ['set', None]",
    ),
    "a queue of the test's": (
        "async def f(q): return await q.get() + await q.get()",
        "async def m():\n    q = asyncio.Queue()\n    t = asyncio.create_task(f(q))\n    await q.put(1)\n    await asyncio.sleep(.01)\n    await q.put(2)\n    return await t\nassert asyncio.run(m()) == 3",
    ),
    "call-backs": (
        "async def f(g, x):\n    await asyncio.sleep(.001)\n    return await g(x)\ndef run(g, x): return asyncio.run(g(x))",
        "async def g(x):\n    await asyncio.sleep(.01)\n    return x + 1\nassert asyncio.run(f(g, 1)) == 2 and run(g, 1) == 2",
        "async def g(x): raise KeyError(x)\ntry: asyncio.run(f(g, 1))\nexcept KeyError: pass\nelse: assert False",
    ),
    "generators and with-statements": (
        "async def f(n):\n    for i in range(n):\n        await asyncio.sleep(.002)\n        yield i\nclass C:\n    async def __aenter__(s):\n        await asyncio.sleep(.002)\n        return 7\n    async def __aexit__(s, *given): await asyncio.sleep(.002)",
        "async def m(): return [x async for x in f(3)]\nassert asyncio.run(m()) == [0, 1, 2]",
        "async def m():\n    async with C() as x: return x\nassert asyncio.run(m()) == 7",
    ),
    "errors": (
        "async def f():\n    await asyncio.sleep(.001)\n    raise ValueError('no')",
        "async def m():\n    try: await f()\n    except ValueError as e: return str(e)\nassert asyncio.run(m()) == 'no'",
    ),
    "a test case": (
        SLEEPING,
        "import unittest\nclass T(unittest.IsolatedAsyncioTestCase):\n    async def test_a(self): self.assertEqual(await f(1), 1)\nunittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(T))",
    ),
    "side by side": (
        "import time\nasync def f(x): await asyncio.sleep(x)",
        "import time\nasync def m():\n    began = time.monotonic()\n    await asyncio.gather(*(f(1) for _ in range(12)))\n    return time.monotonic() - began\nassert .9 < asyncio.run(m()) < 9",
    ),
}


@pytest.mark.parametrize("name", sorted(RIGHT))
def test_coroutines_go_on_together(grader, name):
    program, *tests = RIGHT[name]
    tests = tuple(f"import asyncio\n{test}" for test in tests)
    exec("\n".join(("import asyncio", program, *tests)), {"__name__": "right"})
    grade = grader.grade([(Problem("", "", tests=tests), f"import asyncio\n{program}")])[0]
    assert grade.correct, grade.reason


def test_a_coroutine_without_asyncio_is_driven_by_hand(grader):
    program = "import types\n@types.coroutine\ndef switch(x): return (yield x)\nasync def f(): return await switch(1) + await switch(2)"
    test = "c = f()\nassert c.send(None) == 1 and c.send(5) == 2\ntry: c.send(6)\nexcept StopIteration as e: assert e.value == 11\nelse: assert False"
    assert grader.grade([(Problem("", "", tests=(test,)), program)])[0].correct


def test_what_fails_in_a_coroutine_has_failed(grader):
    wrong = Problem("", "", tests=("import asyncio\nasync def m():\n    assert await f(1) == 2\nasyncio.run(m())",))
    assert not grader.grade([(wrong, f"import asyncio\n{SLEEPING}")])[0].correct
    hidden = "import asyncio\nasync def f(g):\n    try: await g(1)\n    except BaseException: pass\n    return True"
    check = Problem("", "", tests=("import asyncio\nasync def g(x):\n    assert x == 2\nassert asyncio.run(f(g))",))
    assert "caught an assertion" in grader.grade([(check, hidden)])[0].reason
