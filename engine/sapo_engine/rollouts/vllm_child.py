"""The process that a vLLM engine lives in: reads commands from standard input, one JSON object a line, and answers on
what was its standard output. Ends when its parent does.

Run as a script by whatever Python has vLLM, so it imports nothing of this program. Commands, each with its `do`:

* `look`: once, first. Answers version and device (cpu or cuda), the names of the options that vLLM knows, and whether
  Triton is there.
* `start` (eos, options of vLLM's LLM, environment: variables to be set unless they are): once, second.
* `load` (folder or null, adapter or null): new weights and/or another adapter; forgets what it has cached.
* `generate` (temperature, requests as [prompt, keys, max_new_tokens, every, log_probs]): answers {"finished":
  sequences} as it goes, then for each request and key [tokens, finished, log-probabilities of the tokens if `log_probs`
  asks for them], and how many of the prompts' tokens were cached. Where `every` is not 0 it tells of so many new tokens
  at a time, {"written": [[request, key's place, tokens], ...]}, and waits for {"ended": [[request, key's place], ...]}:
  those end there.
* `release` (level: 1 keeps the weights in main memory, 2 gives them up, so that `load` has to follow): gives a card's
  memory back until the next command. Answers whether it still has weights.
* `close`: ends.

The first argument is the parent's process id, the second, if there is one, a folder to be removed when it has gone.

An answer is {"ok": ...} or {"error": {"kind": "missing" | "old" | "failed", "why": text}}; after an error it ends.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import queue
import select
import shutil
import signal
import sys
import threading
import traceback
from typing import Any, TextIO


class Refused(Exception):  # noqa: N818  # told to the parent, never raised further
    """vLLM is not there, or cannot be used."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def look() -> dict[str, Any]:
    """What there is to start."""
    if importlib.util.find_spec("vllm") is None:
        raise Refused("missing", f"{sys.executable} has no module vllm.")
    # Not here when this program is checked or tested, so by name.
    vllm: Any = importlib.import_module("vllm")
    return {
        "version": str(vllm.__version__),
        "device": "cpu" if importlib.import_module("vllm.platforms").current_platform.is_cpu() else "cuda",
        "options": sorted(importlib.import_module("vllm.engine.arg_utils").EngineArgs.__dataclass_fields__),
        "triton": importlib.util.find_spec("triton") is not None,
    }


class Host:
    """The engine and what it was last told to load."""

    def __init__(
        self,
        replies: TextIO,
        commands: queue.SimpleQueue[dict[str, Any]],
        eos: int,
        options: dict[str, Any],
        environment: dict[str, str],
    ) -> None:
        for name, value in environment.items():
            os.environ.setdefault(name, value)
        self._replies = replies
        self._commands = commands
        self._eos = eos
        self._asleep = self._empty = False
        self._adapter: Any = None
        self._adapters = 0
        vllm: Any = importlib.import_module("vllm")
        self.cpu = bool(importlib.import_module("vllm.platforms").current_platform.is_cpu())
        self._params = vllm.SamplingParams
        self._kinds: Any = importlib.import_module("vllm.sampling_params").RequestOutputKind
        self._llm = vllm.LLM(**options)
        self._engine = self._llm.llm_engine

    def load(self, folder: str | None, adapter: str | None) -> None:
        """Weights in place of those it has; the adapter (null: none) in place of the one it has."""
        # Room for weights first and for the cache after them: memory that loading takes for a moment is there then.
        self._wake("weights")
        if self._adapter is not None:
            self._engine.remove_lora(self._adapter.lora_int_id)
            self._adapter = None
        if folder is not None:
            self._llm.collective_rpc("reload_weights", kwargs={"weights_path": folder})
            if self.cpu:
                self._llm.apply_model(repack_heads)
            self._empty = False
        if adapter is not None:
            lora: Any = importlib.import_module("vllm.lora.request")
            self._adapters += 1
            # A number of its own each time: vLLM knows adapters by it and would go on with the old one.
            request = lora.LoRARequest(f"adapter-{self._adapters}", self._adapters, adapter)
            if not self._engine.add_lora(request):
                raise RuntimeError(f"vLLM did not take the adapter in {adapter}")
            self._adapter = request
        self._wake("kv_cache")
        # What is cached was computed with the old weights.
        if not self._llm.reset_prefix_cache():
            raise RuntimeError("vLLM could not empty its prefix cache")

    def generate(self, temperature: float, requests: list[list[Any]]) -> dict[str, Any]:
        """Continuations of each request, one a key, in order."""
        self._wake()
        jobs = [
            (prompt, key, limit, every, log_probs, (number, place))
            for number, (prompt, keys, limit, every, log_probs) in enumerate(requests)
            for place, key in enumerate(keys)
        ]
        # Sorted, what is in a batch does not depend on the order of asking, and equal beginnings come together.
        jobs.sort(key=lambda job: job[:3])
        for name, (prompt, key, limit, every, log_probs, _) in enumerate(jobs):
            params = self._params(
                temperature=temperature,
                seed=key & (2**63 - 1) if temperature > 0 else None,
                max_tokens=limit,
                stop_token_ids=[self._eos],
                ignore_eos=True,
                detokenize=False,
                # An object for each text, not for each of its tokens. Of what is watched one every few tokens, with
                # what is new: only in pieces does vLLM heed the interval that it was started with.
                output_kind=self._kinds.DELTA if every else self._kinds.FINAL_ONLY,
                # Of the tokens that are drawn, and of no others.
                **({"logprobs": 0} if log_probs else {}),
            )
            self._engine.add_request(str(name), {"prompt_token_ids": prompt}, params, lora_request=self._adapter)
        results: list[list[Any]] = [[None] * len(keys) for _, keys, *_ in requests]
        texts = [Text() for _ in jobs]
        hits = 0
        while self._engine.has_unfinished_requests():
            finished = 0
            news: dict[tuple[int, int], Any] = {}
            for output in self._engine.step():
                text = texts[int(output.request_id)]
                *_, every, _, place = jobs[int(output.request_id)]
                text.add(output.outputs[0])
                if output.finished:
                    results[place[0]][place[1]] = text.result(self._eos)
                    hits += output.num_cached_tokens or 0
                    finished += 1
                elif every and len(text.tokens) - text.told >= every:
                    news[place] = output
            if news:
                written = [(*place, texts[int(output.request_id)].tell()) for place, output in news.items()]
                say(self._replies, {"written": written})
                enough = [news[number, place] for number, place in self._commands.get()["ended"]]
                self._engine.abort_request([output.request_id for output in enough])
                for output in enough:
                    number, place = jobs[int(output.request_id)][-1]
                    results[number][place] = texts[int(output.request_id)].result(None)
                    hits += output.num_cached_tokens or 0
                finished += len(enough)
            if finished:
                say(self._replies, {"finished": finished})
        return {"completions": results, "prefix_hits": hits}

    def release(self, level: int) -> dict[str, bool]:
        """The card's memory back. On a CPU vLLM has nothing of the kind."""
        if not self.cpu and not self._asleep:
            self._llm.sleep(level=level)
            self._asleep = True
            self._empty = level > 1
        return {"has_weights": not self._empty}

    def _wake(self, *tags: str) -> None:
        """Take back what `release` gave: that of these tags, without any the whole of it."""
        if not self._asleep:
            return
        for tag in tags or ("weights", "kv_cache"):
            self._llm.wake_up(tags=[tag])
        if "weights" not in tags:
            self._asleep = False

    def close(self) -> None:
        """End the engine in good order: process groups, device memory."""
        self._engine.engine_core.shutdown()


class Text:
    """A continuation as far as vLLM has told of it."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.log_probs: list[float] = []
        self.told = 0
        """Tokens that the parent knows."""

    def add(self, piece: Any) -> None:
        """What is new of it."""
        self.tokens += piece.token_ids
        self.log_probs += chosen(piece)

    def tell(self) -> list[int]:
        """What the parent does not know yet."""
        new = self.tokens[self.told :]
        self.told = len(self.tokens)
        return new

    def result(self, eos: int | None) -> list[Any]:
        """Tokens, whether it came to its own end (None: it was ended), log-probabilities."""
        return [self.tokens, bool(self.tokens) and self.tokens[-1] == eos, self.log_probs]


def chosen(output: Any) -> list[float]:
    """Log-probabilities of the tokens that were drawn, as the weights have them; none where they were not asked for.
    vLLM hands out a mapping of tokens for each position."""
    if output.logprobs is None or not output.token_ids:
        return []
    return [found[token].logprob for token, found in zip(output.token_ids, output.logprobs, strict=True)]


def repack_heads(model: Any) -> None:
    """Have the language head follow the embedding that it is tied to. On a CPU vLLM multiplies by a packed copy of it,
    which reloading leaves as it was, because the checkpoint has no weights under the head's own name.
    """
    for module in model.modules():
        if type(module).__name__ == "ParallelLMHead":
            module.quant_method.process_weights_after_loading(module)


def say(replies: TextIO, answer: dict[str, Any]) -> None:
    """One line to the parent."""
    replies.write(json.dumps(answer, separators=(",", ":")) + "\n")
    replies.flush()


def serve(replies: TextIO, commands: queue.SimpleQueue[dict[str, Any]]) -> int:
    """Do what is asked until told to close; returns the exit status."""
    host: Host | None = None
    while True:
        order = commands.get()
        what = order.pop("do")
        try:
            if what == "look":
                result: Any = look()
            elif what == "start":
                host, result = Host(replies, commands, **order), None
            else:
                result = getattr(host, what)(**order) if host is not None else None
        except Refused as refusal:
            say(replies, {"error": {"kind": refusal.kind, "why": str(refusal)}})
            return 1
        except Exception as error:
            traceback.print_exc()
            why = f"{type(error).__name__}: {error}".strip()
            say(replies, {"error": {"kind": "failed", "why": why}})
            return 1
        say(replies, {"ok": result})
        if what == "close":
            return 0


def follow_parent(parent: int, leftovers: list[str]) -> None:
    """End this process, whatever it is doing, once the parent has ended, and remove these folders of its. The end of
    standard input says so too, but not while a process that the parent forked still holds the other end.
    """
    try:
        handle = os.pidfd_open(parent)
    except (AttributeError, OSError):  # not on Linux, or an old one: standard input has to do
        return

    def wait() -> None:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
        end_alone(leftovers)

    threading.Thread(target=wait, daemon=True, name="parent").start()


def read_commands(commands: queue.SimpleQueue[dict[str, Any]], leftovers: list[str]) -> None:
    """Pass lines on; end the process where there will be no more."""
    for line in sys.stdin:
        commands.put(json.loads(line))
    end_alone(leftovers)


def end_alone(leftovers: list[str]) -> None:
    """End this process at once, and what its parent has left with it."""
    for folder in leftovers:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main() -> int:
    """Run until closed or alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to answer
    leftovers = sys.argv[2:]
    follow_parent(int(sys.argv[1]), leftovers)
    # vLLM and what it compiles with print as they please: all that goes to the log.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=read_commands, args=(commands, leftovers), daemon=True, name="commands").start()
    return serve(replies, commands)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # Threads of vLLM and of torch may outlive the engine; there is nothing left to wait for.
    os._exit(status)
