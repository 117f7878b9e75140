"""vLLM as one uses it without this program, for comparison: `LLM.generate` on the samplers' prompts.

Run as a script by whatever Python has vLLM, so it imports nothing of this program. Standard input says what to do, one
JSON object: `options` of vLLM's LLM, `environment` variables to set, `prompts`, `samples` of each, `limit` tokens, the
numbers of sequences (`rows`) to measure with, and `result`, the file for what came of it: tokens a second by `rows`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    told: dict[str, Any] = json.load(sys.stdin)
    for name, value in told["environment"].items():
        os.environ.setdefault(name, value)
    # Not here when this program is checked or tested, so by name.
    vllm: Any = importlib.import_module("vllm")
    llm = vllm.LLM(**told["options"])
    samples, limit = told["samples"], told["limit"]
    found: dict[str, float] = {}
    for rows in told["rows"]:
        prompts = [{"prompt_token_ids": prompt} for prompt in told["prompts"][: max(1, rows // samples)]]
        seconds = 0.0
        for turn in range(2):  # the first is not counted
            params = [
                vllm.SamplingParams(
                    n=samples,
                    temperature=1.0,
                    seed=turn * rows + i,
                    max_tokens=limit,
                    ignore_eos=True,
                    detokenize=False,
                )
                for i in range(len(prompts))
            ]
            began = time.monotonic()
            llm.generate(prompts, params, use_tqdm=False)
            seconds = time.monotonic() - began
        found[str(rows)] = len(prompts) * samples * limit / seconds
    Path(told["result"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # Threads of vLLM may outlive it; there is nothing left to wait for.
    os._exit(0)
