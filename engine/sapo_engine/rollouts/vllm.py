"""Rollouts by vLLM: a process of its own that holds the engine, told what to do through a pipe.

The engine is not in this process, nor in the one that vLLM would start by itself, because vLLM makes itself at home
where it runs: it sets environment variables, threads, signal handlers and torch's process group, and a trainer has its
own. A process of ours starts with a clean environment, gives back all memory by ending, ends when this one does,
however that happens, and may belong to another Python environment (SAPO_VLLM_PYTHON), because vLLM pins
transformers and torch to versions of its own.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import torch

from sapo_engine.rollouts.base import CHECK_EVERY, Completion, Request, Watch, within
from sapo_engine.rollouts.hand_over import HandOver
from sapo_engine.rollouts.vllm_options import (
    OLDEST,
    CardMemory,
    Installed,
    Wanted,
    engine_environment,
    engine_options,
)
from sapo_studio.domain.ledger import Usage
from sapo_studio.errors import EngineError

PYTHON = "SAPO_VLLM_PYTHON"
"""Environment variable: the Python that has vLLM, where it is not this one."""
GRACE = 20.0
"""Seconds that the engine gets to end in good order."""

# A launcher's variables would make the engine wait for the trainer's other processes.
_NOT_FOR_THE_ENGINE = (
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"),
    *("ROLE_WORLD_SIZE", "ROLE_NAME", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS"),
)
_PREFIXES_NOT_FOR_THE_ENGINE = ("TORCHELASTIC_", "ACCELERATE_", "FSDP_")
# What a user has set stays.
_UNLESS_SET = {
    # Bound to cores, two engines would share the same ones.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    # It is compiled at the first use, for top-k and top-p, which nothing here asks for.
    "VLLM_USE_FLASHINFER_SAMPLER": "0",
    "TOKENIZERS_PARALLELISM": "false",
}


def vllm_installed() -> bool:
    """Whether there is a vLLM to start, as far as can be told without starting it."""
    return bool(os.environ.get(PYTHON)) or importlib.util.find_spec("vllm") is not None


class VllmBackend:
    """Generates with a vLLM engine of its own: one card (or the CPU), prefix caching on. Implements RolloutBackend.

    `folder` is a transformers model folder (safetensors), `eos` the token that ends a text, `memory_share` what part of
    the card vLLM may take, `dtype` fp32, bf16 or fp16, `max_len` how many tokens prompt and continuation may have
    together. `lora_rank` > 0 makes room for an adapter of that rank. `card` is a card's number among the visible ones.
    `hand_over` is where later weights will come from; without it they come from folders on a disk.

    A key seeds its own continuation. vLLM's sums depend in their last bits on what else is in the batch, so a
    continuation is the key's alone only until a draw falls into such a difference: next to never in fp32, now and
    then in bf16.

    Raises EngineError where vLLM is missing, too old, or ends.
    """

    def __init__(
        self,
        folder: Path,
        *,
        eos: int,
        seed: int = 0,
        memory_share: float = 0.85,
        dtype: str = "fp32",
        max_len: int,
        lora_rank: int = 0,
        card: int | None = None,
        hand_over: HandOver | None = None,
    ) -> None:
        self.eos = eos
        self.max_len = max_len
        self.usage = Usage()
        self.has_weights = True
        """False once they have been given up by `release`, until others are loaded."""
        python = os.environ.get(PYTHON) or sys.executable
        environment = engine_process_environment(card)
        script = str(Path(__file__).with_name("vllm_child.py"))
        leftovers = [] if hand_over is None else [str(hand_over.folder)]
        try:
            # -P: beside the script there is a vllm.py that is not the vllm.
            self._process = subprocess.Popen(
                [python, "-P", script, str(os.getpid()), *leftovers],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=environment,
                pass_fds=() if hand_over is None else hand_over.descriptors,
            )
        except OSError as error:
            raise EngineError(
                "vLLM cannot be started",
                why=f"{python}: {error.strerror or error}",
                fix=f"Have {PYTHON} name the Python of an environment with vLLM, or unset it.",
            ) from error
        self._end = weakref.finalize(self, _end, self._process)
        told = self._ask(do="look")
        installed = Installed(
            told["version"], told["device"], frozenset(told["options"]), bool(told["triton"]), environment
        )
        if installed.release < OLDEST:
            self.close()
            raise _refusal("old", f"{python} has vLLM {installed.version}.")
        self.version = installed.version
        """Of vLLM."""
        self.device = installed.device
        """`cpu` or `cuda`."""
        wanted = Wanted(folder, dtype, max_len, lora_rank, seed, memory_share)
        memory = _card_memory(card) if self.device == "cuda" else None
        self.options = engine_options(installed, wanted, memory)
        """What vLLM's `LLM` was made with,"""
        self.environment = engine_environment(installed, wanted)
        """and the variables that were set for it."""
        self._ask(do="start", eos=eos, options=self.options, environment=self.environment)

    @property
    def pid(self) -> int:
        """The engine's process."""
        return self._process.pid

    def load(self, folder: Path | None = None, adapter: Path | None = None) -> None:
        """Go on with the weights in `folder` (None: those it has) and `adapter`, a peft folder, on top (None: none)."""
        self._check_weights(folder is not None)
        self._ask(
            do="load",
            folder=None if folder is None else str(folder),
            adapter=None if adapter is None else str(adapter),
        )
        self.has_weights = True

    def generate(
        self, requests: Sequence[Request], *, temperature: float, tick: Callable[[int], None] | None = None
    ) -> list[list[Completion]]:
        """See RolloutBackend. `tick` hears of sequences as they end."""
        self._check_weights(False)
        requests = within(requests, self.max_len)
        if not requests:
            return []
        watches: dict[tuple[int, int], Watch] = {}

        def ended(news: Sequence[tuple[int, int, list[int]]]) -> list[tuple[int, int]]:
            for number, place, _ in news:
                watch = requests[number].watch
                if watch is not None and (number, place) not in watches:
                    watches[number, place] = watch()
            return [(number, place) for number, place, tokens in news if watches[number, place].ended(tokens)]

        found = self._ask(
            tick,
            ended,
            do="generate",
            temperature=temperature,
            requests=[
                (r.prompt, r.keys, r.max_new_tokens, CHECK_EVERY if r.watch else 0, r.log_probs) for r in requests
            ],
        )
        rows = cast("list[list[tuple[list[int], bool, list[float]]]]", found["completions"])
        results = [[Completion(tuple(tokens), end, tuple(log_probs)) for tokens, end, log_probs in row] for row in rows]
        hits: int = found["prefix_hits"]
        self.usage.sequences += sum(len(row) for row in results)
        self.usage.generated_tokens += sum(len(completion.tokens) for row in results for completion in row)
        self.usage.prefill_tokens += sum(len(r.prompt) * len(r.keys) for r in requests) - hits
        self.usage.prefix_hits += hits
        return results

    def release(self, *, weights_follow: bool = False) -> None:
        """Give the card's memory back, for training; the next call takes it again. `weights_follow`: what it writes
        with next will be loaded, so that the weights need not wait in main memory. On a CPU the engine keeps what it
        has: vLLM cannot sleep there.
        """
        self.has_weights = self._ask(do="release", level=2 if weights_follow else 1)["has_weights"]

    def _check_weights(self, follow: bool) -> None:
        if not self.has_weights and not follow:
            raise EngineError(
                "The vLLM engine has given its weights up", fix="Load weights before it is asked to write."
            )

    def close(self) -> None:
        """End the engine and its process. Also done when this object or this program goes."""
        if self._end.alive and self._process.poll() is None:
            with contextlib.suppress(EngineError):  # it is gone then, which is what was asked for
                self._ask(do="close")
        self._end()

    def __enter__(self) -> VllmBackend:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(
        self,
        tick: Callable[[int], None] | None = None,
        ended: Callable[[Sequence[tuple[int, int, list[int]]]], list[tuple[int, int]]] | None = None,
        **order: object,
    ) -> Any:
        """Send an order and return what comes back. `ended` is told what continuations have got longer by, and says
        which of them are to end there."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if not self._end.alive or stdin is None or stdout is None:
            raise EngineError("The vLLM engine has been closed")
        try:
            _send(stdin, order)
            for line in stdout:
                answer = json.loads(line)
                if "ok" in answer:
                    return answer["ok"]
                if "error" in answer:
                    raise _refusal(**answer["error"])
                if ended and "written" in answer:
                    _send(stdin, {"ended": ended(answer["written"])})
                elif tick:
                    tick(answer["finished"])
        except BrokenPipeError:
            pass  # it has ended: said below
        except BaseException:
            # Answers to this order may still come, and would be taken for those to the next.
            self._end()
            raise
        self._end()
        code = self._process.returncode
        raise EngineError(
            "The vLLM engine ended",
            why=f"It was killed by {signal.Signals(-code).name}." if code < 0 else f"Its exit status was {code}.",
            fix="The engine's log has its last words. SIGKILL mostly means that the machine's memory ran out.",
        )


def _send(stdin: IO[str], line: object) -> None:
    stdin.write(json.dumps(line, separators=(",", ":")) + "\n")
    stdin.flush()


def engine_process_environment(card: int | None) -> dict[str, str]:
    """What a vLLM engine's process starts with. `card` is its card's number among the visible ones (None: all)."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in _NOT_FOR_THE_ENGINE and not name.startswith(_PREFIXES_NOT_FOR_THE_ENGINE)
    }
    env |= {
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    for name, value in _UNLESS_SET.items():
        env.setdefault(name, value)
    if card is not None:
        visible = env.get("CUDA_VISIBLE_DEVICES", "")
        env["CUDA_VISIBLE_DEVICES"] = visible.split(",")[card] if visible else str(card)
    return env


def _card_memory(card: int | None) -> CardMemory | None:
    """What the card has: vLLM will lie on the first of its visible ones."""
    if not torch.cuda.is_available():  # vLLM's environment has a torch that sees it, this one does not
        return None
    free, total = torch.cuda.mem_get_info(card or 0)
    return CardMemory(free, total)


def _refusal(kind: str, why: str) -> EngineError:
    if kind == "missing":
        return EngineError(
            "vLLM is not installed",
            why=why,
            fix="Install the extra: pip install 'sapo-studio[vllm]' (Linux). Or install vLLM elsewhere and have"
            f" {PYTHON} name that Python. Or sample with the backend hf.",
        )
    if kind == "old":
        return EngineError(
            "vLLM is too old",
            why=f"{why} Before 0.18 it ran code from model folders even where told not to.",
            fix="Install vllm>=0.18.",
        )
    return EngineError(
        "vLLM failed", why=why, fix="The engine's log has the whole story. The backend hf does the same."
    )


def _end(process: subprocess.Popen[str]) -> None:
    """See that the engine's process ends, and wait for it."""
    for stream in (process.stdin, process.stdout):
        try:
            if stream is not None:
                stream.close()
        except BrokenPipeError:
            pass  # it was faster
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
