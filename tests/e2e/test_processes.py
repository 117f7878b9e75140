"""Nothing is left behind, and nobody else is hit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from sapo_studio import processes
from sapo_studio.processes import ProcessIdentity

WAITS = "import signal; print('up', flush=True); signal.pause()"
PARENT_OF_TWO = """
import signal, subprocess, sys
for session in (False, True):
    child = subprocess.Popen(
        [sys.executable, '-c', 'import signal; print("up", flush=True); signal.pause()'],
        start_new_session=session, stdout=subprocess.PIPE,
    )
    child.stdout.readline()
    print(child.pid, flush=True)
signal.pause()
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def test_a_process_is_known_by_its_start_time_as_well() -> None:
    process = start(WAITS)
    lines(process, 1)
    identity = processes.identify(process.pid)
    assert processes.is_alive(identity)
    assert not processes.is_alive(ProcessIdentity(identity.pid, identity.started - 60))
    assert processes.kill_tree(ProcessIdentity(identity.pid, identity.started - 60))  # somebody else's: not touched
    assert processes.is_alive(identity)
    process.kill()
    assert processes.kill_tree(identity)  # a zombie counts as gone, before and after it is collected
    assert not processes.is_alive(identity)
    process.communicate()
    assert not processes.is_alive(identity)
    with pytest.raises(ProcessLookupError):
        processes.identify(process.pid)


def test_kill_tree_takes_children_in_other_sessions_too() -> None:
    process = start(PARENT_OF_TWO)
    children = [int(line) for line in lines(process, 2)]
    assert processes.kill_tree(processes.identify(process.pid))
    process.communicate()
    assert not any(processes.is_running(child) for child in children)


@pytest.mark.skipif(sys.platform != "linux", reason="subreapers are Linux's")
def test_a_subreaper_sweeps_orphans() -> None:
    code = f"""
import os, signal, subprocess, sys
from sapo_studio import processes
processes.become_subreaper()
child = subprocess.Popen([sys.executable, '-c', {PARENT_OF_TWO!r}], stdout=subprocess.PIPE, text=True)
pids = [int(child.stdout.readline()) for _ in range(2)]
child.kill()
child.wait()
print(processes.sweep_descendants(), *pids, flush=True)
"""
    process = start(code)
    swept, *orphans = lines(process, 1)[0].split()
    process.communicate()
    assert swept == "True"
    assert len(orphans) == 2
    assert not any(processes.is_running(int(orphan)) for orphan in orphans)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_worker_dies_with_its_parent() -> None:
    code = """
import os, signal, subprocess, sys
os.environ['SAPO_PARENT_PID'] = str(os.getpid())
worker = "import signal; from sapo_studio import processes as p; p.die_with_parent(); print('up', flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, '-c', worker], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
signal.pause()
"""  # noqa: E501
    process = start(code)
    worker = processes.identify(int(lines(process, 1)[0]))
    process.send_signal(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(worker.pid)], timeout=30)
    process.communicate()
    assert not processes.is_alive(worker)


def test_a_worker_that_comes_too_late_does_not_stay() -> None:
    gone = start("")
    gone.communicate()
    late = subprocess.run(
        [sys.executable, "-c", "from sapo_studio.processes import die_with_parent as d; d(); print('still here')"],
        env={**os.environ, processes.PARENT_VARIABLE: str(gone.pid)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert late.returncode == 1
    assert late.stdout == ""


def test_orphans_are_found_by_the_environment_they_inherited() -> None:
    parent = start("")
    parent.communicate()
    orphan = subprocess.Popen(
        [sys.executable, "-c", WAITS],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, processes.PARENT_VARIABLE: str(parent.pid)},
    )
    lines(orphan, 1)
    assert processes.sweep_orphans(parent.pid)
    orphan.communicate()
    assert orphan.returncode == -signal.SIGKILL
