"""The process that a vLLM engine lives in: reads commands from standard input, one JSON object a line, and answers on
what was its standard output. Ends when its parent does.

Run as a script by whatever Python has vLLM, so it imports nothing of this program. Commands, each with its `do`:

* `start` (folder, dtype, max_len, memory_share, lora_rank, seed, eos; sequences, cpu_sequences: how many are written
  at a time on a card and on a CPU; cpu_cache: bytes for keys and values on a CPU, unless VLLM_CPU_KVCACHE_SPACE (GiB)
  says otherwise): once, first. Answers version and device.
* `load` (folder or null, adapter or null): new weights and/or another adapter; forgets what it has cached.
* `generate` (temperature, requests as [prompt, keys, max_new_tokens, every, log_probs]): answers {"finished":
  sequences} as it goes, then for each request and key [tokens, finished, log-probabilities of the tokens if `log_probs`
  asks for them], and how many of the prompts' tokens were cached. Where `every` is not 0 it tells of so many new tokens
  at a time, {"written": [[request, key's place, tokens], ...]}, and waits for {"ended": [[request, key's place], ...]}:
  those end there.
* `release`: gives a card's memory back until the next command; `close`: ends.

An answer is {"ok": ...} or {"error": {"kind": "missing" | "old" | "failed", "why": text}}; after an error it ends.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import queue
import select
import signal
import sys
import threading
import traceback
from typing import Any, TextIO

OLDEST = (0, 18)
"""Before 0.18 vLLM ran code from a model's folder even where it was told not to."""
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The ranks that vLLM reserves room for."""
CPU_BLOCK = 32
"""Tokens a block of the prefix cache on a CPU, where vLLM's own 128 would hardly ever find a whole block again."""


class Refused(Exception):  # noqa: N818  # told to the parent, never raised further
    """vLLM is not there, or cannot be used."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


class Host:
    """The engine and what it was last told to load."""

    def __init__(self, replies: TextIO, commands: queue.SimpleQueue[dict[str, Any]], order: dict[str, Any]) -> None:
        if importlib.util.find_spec("vllm") is None:
            raise Refused("missing", f"{sys.executable} has no module vllm.")
        # Not here when this program is checked or tested, so by name.
        vllm: Any = importlib.import_module("vllm")
        self.version = str(vllm.__version__)
        found = tuple(int(part) for part in self.version.split("+")[0].split(".")[:2] if part.isdigit())
        if found < OLDEST:
            raise Refused("old", f"{sys.executable} has vLLM {self.version}.")
        self._replies = replies
        self._commands = commands
        self._vllm = vllm
        self._eos = int(order["eos"])
        self._asleep = False
        self._adapter: Any = None
        self._adapters = 0
        self.cpu = bool(importlib.import_module("vllm.platforms").current_platform.is_cpu())
        options: dict[str, Any] = {}
        if self.cpu:
            # Compiling takes longer than most of what is done on a CPU.
            options |= {"enforce_eager": True, "block_size": CPU_BLOCK, "max_num_seqs": order["cpu_sequences"]}
            if not os.environ.get("VLLM_CPU_KVCACHE_SPACE"):
                options["kv_cache_memory_bytes"] = order["cpu_cache"]
        else:
            options |= {"enable_sleep_mode": True, "gpu_memory_utilization": order["memory_share"]}
            options |= {"max_num_seqs": order["sequences"]} | known_options(graphs(order["sequences"]))
        if order["lora_rank"]:
            rank = next((rank for rank in LORA_RANKS if rank >= order["lora_rank"]), order["lora_rank"])
            options |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": rank}
        self._llm = vllm.LLM(
            model=order["folder"],
            skip_tokenizer_init=True,
            trust_remote_code=False,
            load_format="safetensors",
            use_tqdm_on_load=False,
            dtype=order["dtype"],
            max_model_len=order["max_len"],
            seed=order["seed"],
            enable_prefix_caching=True,
            # The folder's own sampling defaults and further end-of-text tokens stay out of it.
            generation_config="vllm",
            disable_log_stats=True,
            # Log-probabilities before temperature: the weights' own.
            **known_options({"logprobs_mode": "raw_logprobs"}),
            **options,
        )
        self._engine = self._llm.llm_engine
        self._final_only = final_only()

    def load(self, folder: str | None, adapter: str | None) -> None:
        """Weights in place of those it has; the adapter (null: none) in place of the one it has."""
        self._wake()
        if self._adapter is not None:
            self._engine.remove_lora(self._adapter.lora_int_id)
            self._adapter = None
        if folder is not None:
            self._llm.collective_rpc("reload_weights", kwargs={"weights_path": folder})
            if self.cpu:
                self._llm.apply_model(repack_heads)
        if adapter is not None:
            lora: Any = importlib.import_module("vllm.lora.request")
            self._adapters += 1
            # A number of its own each time: vLLM knows adapters by it and would go on with the old one.
            request = lora.LoRARequest(f"adapter-{self._adapters}", self._adapters, adapter)
            if not self._engine.add_lora(request):
                raise RuntimeError(f"vLLM did not take the adapter in {adapter}")
            self._adapter = request
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
            params = self._vllm.SamplingParams(
                temperature=temperature,
                seed=key & (2**63 - 1) if temperature > 0 else None,
                max_tokens=limit,
                stop_token_ids=[self._eos],
                ignore_eos=True,
                detokenize=False,
                # What is watched has to be seen while it is written.
                **({} if every else self._final_only),
                # Of the tokens that are drawn, and of no others.
                **({"logprobs": 0} if log_probs else {}),
            )
            self._engine.add_request(str(name), {"prompt_token_ids": prompt}, params, lora_request=self._adapter)
        results: list[list[Any]] = [[None] * len(keys) for _, keys, *_ in requests]
        told: dict[tuple[int, int], int] = {}
        hits = 0
        while self._engine.has_unfinished_requests():
            finished = 0
            written: list[tuple[int, int, list[int]]] = []
            looked_at: dict[tuple[int, int], Any] = {}
            for output in self._engine.step():
                *_, every, _, place = jobs[int(output.request_id)]
                tokens = output.outputs[0].token_ids
                if output.finished:
                    ended = bool(tokens) and tokens[-1] == self._eos
                    results[place[0]][place[1]] = [list(tokens), ended, chosen(output.outputs[0])]
                    hits += output.num_cached_tokens or 0
                    finished += 1
                elif every and len(tokens) - told.get(place, 0) >= every:
                    written.append((*place, list(tokens[told.get(place, 0) :])))
                    told[place] = len(tokens)
                    looked_at[place] = output
            if written:
                say(self._replies, {"written": written})
                enough = [looked_at[number, place] for number, place in self._commands.get()["ended"]]
                self._engine.abort_request([output.request_id for output in enough])
                for output in enough:
                    number, place = jobs[int(output.request_id)][-1]
                    results[number][place] = [list(output.outputs[0].token_ids), False, chosen(output.outputs[0])]
                    hits += output.num_cached_tokens or 0
                finished += len(enough)
            if finished:
                say(self._replies, {"finished": finished})
        return {"completions": results, "prefix_hits": hits}

    def release(self) -> None:
        """Weights to main memory, the cache forgotten. On a CPU vLLM has nothing of the kind."""
        if not self.cpu and not self._asleep:
            self._llm.sleep(level=1)
            self._asleep = True

    def _wake(self) -> None:
        if self._asleep:
            self._llm.wake_up()
            self._llm.reset_prefix_cache()
            self._asleep = False

    def close(self) -> None:
        """End the engine in good order: process groups, device memory."""
        self._engine.engine_core.shutdown()


def graphs(sequences: int) -> dict[str, Any]:
    """For which batches vLLM is to capture CUDA graphs: up to `sequences`, where its own default ends at 512 and larger
    batches run without; and few, since each takes time at the start and memory."""
    sizes = [1, 2, 4, *range(8, 64, 8), *range(64, 256, 32), *range(256, sequences, 128), sequences]
    return {"max_cudagraph_capture_size": sequences, "cudagraph_capture_sizes": sizes}


def known_options(options: dict[str, Any]) -> dict[str, Any]:
    """Those of `options` that this vLLM has: names come and go with its versions."""
    known = importlib.import_module("vllm.engine.arg_utils").EngineArgs.__dataclass_fields__
    return {name: value for name, value in options.items() if name in known}


def chosen(output: Any) -> list[float]:
    """Log-probabilities of the tokens that were drawn, as the weights have them; none where they were not asked for.
    vLLM hands out a mapping of tokens for each position."""
    if output.logprobs is None:
        return []
    return [found[token].logprob for token, found in zip(output.token_ids, output.logprobs, strict=True)]


def final_only() -> dict[str, Any]:
    """Have vLLM hand out whole texts alone: else it makes an object for each sequence at every token."""
    kinds = getattr(importlib.import_module("vllm.sampling_params"), "RequestOutputKind", None)
    return {} if kinds is None else {"output_kind": kinds.FINAL_ONLY}


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
            if what == "start":
                host = Host(replies, commands, order)
                say(replies, {"ok": {"version": host.version, "device": "cpu" if host.cpu else "cuda"}})
                continue
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


def follow_parent(parent: int) -> None:
    """End this process, whatever it is doing, once the parent has ended. The end of standard input says so too, but
    not while a process that the parent forked still holds the other end.
    """
    try:
        handle = os.pidfd_open(parent)
    except (AttributeError, OSError):  # not on Linux, or an old one: standard input has to do
        return

    def wait() -> None:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="parent").start()


def read_commands(commands: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Pass lines on; end the process where there will be no more."""
    for line in sys.stdin:
        commands.put(json.loads(line))
    os._exit(1)


def main() -> int:
    """Run until closed or alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to answer
    follow_parent(int(sys.argv[1]))
    # vLLM and what it compiles with print as they please: all that goes to the log.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    commands: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=read_commands, args=(commands,), daemon=True, name="commands").start()
    return serve(replies, commands)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # Threads of vLLM and of torch may outlive the engine; there is nothing left to wait for.
    os._exit(status)
