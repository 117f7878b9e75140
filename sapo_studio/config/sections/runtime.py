"""How the machine is used: the section `runtime`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sapo_studio.config.sections.base import MAIN, MisfitError, Section, unit, written

MOST_MICRO_TOKENS = 2**24
_HOST = r"\w[\w.-]*"  # no dash in front: ssh would take it for an option
_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOSTS = written(rf"({_HOST}(:{_PORT})?(,({_HOST}@)?{_HOST})+)?", "name two machines or more, such as node1,node2")
_ADDRESS = written(rf"(\S+:{_PORT})?", "give HOST:PORT, such as 10.0.0.1:6379, or nothing")
_CARDS = written(r"([0-9]{1,4}(,[0-9]{1,4})*)?", "give numbers of cards, such as 0,2, or nothing")
BY_HOSTS = ("ssh", "hand")
"""Launchers that go by `hosts`."""


class RuntimeConfig(Section):
    """How the machine is used. Does not change what is computed, beyond floating-point noise."""

    device: str = "auto"
    """`auto`, `cpu`, `cuda`, or one card such as `cuda:1`. With several processes `cuda` gives each its own card."""

    gpus: Annotated[str, _CARDS] = Field(default="", max_length=200, json_schema_extra={"picker": "cards"})
    """Which cards to use, by number, such as `0,2`. Empty: all that `processes` need."""

    processes: int = Field(default=1, ge=1, le=64, json_schema_extra=unit("processes", **MAIN))
    """Worker processes, one per card: sampling and labeling are divided among them, training is data-parallel."""

    sharded_training: Literal["auto", "on", "off"] = "auto"
    """Whether several processes divide weights, gradients and moments among them while all weights of a model are
    trained (FSDP), so that a model can be trained that a card has no room for as a whole. That takes longer, and is the
    same but for rounding. `auto`: on cards, where a whole copy does not fit the smallest one. Never adapters, nor fp16.
    """

    launcher: Literal["local", "ray", "ssh", "hand"] = "local"
    """Where the workers are started: `local`, on this machine; `ray`, on the nodes of a Ray cluster that runs already
    (the extra `ray`), a card or a CPU core for each; `ssh`, on the machines that `hosts` names; `hand`, there as well,
    by you: the command for each is printed, and the run waits for them."""

    ray_address: Annotated[str, _ADDRESS] = Field(default="", max_length=200)
    """Where the Ray cluster is, as HOST:PORT. Empty: the one that `RAY_ADDRESS` names, else that which this machine is
    a node of."""

    hosts: Annotated[str, _HOSTS] = Field(default="", max_length=2000)
    """The machines, for `ssh` and `hand`, such as `node1,node2`: this one first, as the others reach it, perhaps with a
    port (`node1:29500`), then those as ssh calls them. Each gets an equal part of `processes`."""

    backend: Literal["auto", "hf", "slots", "vllm"] = Field(default="auto", json_schema_extra=MAIN)
    """What samples: `hf`, the program's own sampler on transformers; `slots`, its loop of steps that a card replays as
    CUDA graphs (Llama, Mistral, Qwen 2, Qwen 3 with full attention; `hf` for others); `vllm`, which is faster on a card
    and must be installed (the extra `vllm`). `auto`: the program's choice, `hf` so far."""

    vllm_memory: float = Field(default=0.85, gt=0.05, le=0.98, json_schema_extra=unit("of the card"))
    """Share of a card's memory that vLLM may take while it samples."""

    micro_tokens: int = Field(default=0, ge=0, le=MOST_MICRO_TOKENS, json_schema_extra=unit("tokens"))
    """Most token positions that a process trains on at a time. A larger batch is done in parts whose gradients are
    added up, which changes memory and time and nothing else; a text is never divided. 0: on a card as many as its free
    memory has room for; on a CPU 8,192 and no more than 2 GiB of activations, since more are slower there."""

    compile: bool = True
    """Compile the model's blocks (torch.compile) where a training of all weights in bf16 on a card is long enough to
    pay for it. Where that fails the training goes on without. The result is the same but for rounding."""

    graders: int = Field(default=0, ge=0, le=256, json_schema_extra=unit("processes"))
    """Processes that grade answers and run tests. 0: one per core."""

    threads: int = Field(default=1, ge=0, le=256, json_schema_extra=unit("threads"))
    """CPU threads of the engine. 0 takes what torch takes. More than the free cores can be ten times slower."""

    rollout_batch: int = Field(default=0, ge=0, le=65_536, json_schema_extra=unit("sequences"))
    """Sequences generated at a time. 0: on a card as many as its free memory has room for, 2048 at most; 512 on a
    CPU."""

    checkpoint_seconds: float = Field(default=30.0, ge=1, le=86_400, json_schema_extra=unit("s"))
    """Time between checkpoints inside a training phase; from the end of one to the beginning of the next. Longer where
    writing one takes long, so that at most 5 % of the training's time goes into them."""

    engine_python: str = Field(default="", json_schema_extra={"picker": "python"})
    """Which Python runs the engine, where torch lives in an environment of its own: its whole path. It needs SAPO
    Studio's engine of this release. Empty: the one chosen for all runs (`SAPO_ENGINE_PYTHON`), else the window's own.
    """

    max_restarts: int = Field(default=2, ge=0, le=100, json_schema_extra=unit("times"))
    """How often a worker that died is started again before the run counts as failed."""

    hang_seconds: float = Field(default=3600.0, ge=0, le=604_800, json_schema_extra=unit("s"))
    """A worker that gets nowhere for so long, and says nothing, hangs: what it is at is logged, and it is started
    again. More than the longest single step takes. 0: wait for ever."""

    @model_validator(mode="after")
    def _on_other_machines(self) -> Self:
        if self.launcher == "local":
            return self
        here = f'launcher = "{self.launcher}" takes the cards of other machines, too'
        if self.gpus:
            raise MisfitError("gpus", f"{here}, and gpus names this one's: leave it empty", "")
        if self.device not in ("auto", "cpu", "cuda"):
            raise MisfitError("device", f'{here}, and device = "{self.device}" is one of this one\'s', "auto")
        if self.launcher not in BY_HOSTS:
            return self
        names = [host.rpartition("@")[2].partition(":")[0].lower() for host in self.hosts.split(",")]
        count = len(names)
        if count < 2:
            raise MisfitError("hosts", f"hosts: name two machines or more, this one first, for {self.launcher}")
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise MisfitError("hosts", f"hosts: {twice[0]} stands there more than once; name each machine once")
        if self.processes % count:
            most = max(1, self.processes // count) * count
            told = f"processes ({self.processes}) are divided equally among the {count} machines in hosts"
            raise MisfitError("processes", told, most)
        return self
