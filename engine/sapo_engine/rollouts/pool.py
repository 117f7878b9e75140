"""The run's rollout back end: chosen by the configuration, given each reasoner's weights when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from sapo_engine.models.placement import Placement
from sapo_engine.models.precision import DTYPES
from sapo_engine.models.reasoner import Adapters, Reasoner
from sapo_engine.models.sources import find_folder
from sapo_engine.process_group import ALONE, Group
from sapo_engine.rollouts import HfBackend, RolloutBackend, VllmBackend
from sapo_engine.rollouts.batch_size import BatchSize
from sapo_engine.rollouts.choice import BackendName, choice
from sapo_engine.rollouts.hand_over import HandOver
from sapo_engine.rollouts.kept_memory import KeptMemory
from sapo_engine.rollouts.metered import MeteredBackend
from sapo_engine.rollouts.overheard import Heard, Listener, OverheardBackend
from sapo_engine.rollouts.placed import PlacedBackend
from sapo_engine.rollouts.sharded import ShardedBackend
from sapo_engine.rollouts.slots import SlotBackend, obstacle
from sapo_engine.rollouts.vllm import vllm_installed
from sapo_engine.text.prompts import token_id
from sapo_studio.config.schema import RunConfig
from sapo_studio.domain.ledger import Meter


class BackendPool:
    """Back ends for reasoners, one at a time. `scratch` is a folder for weights on their way to vLLM; it is removed by
    `close`. `placement` is told what has to be on the device for each, `meter` what each writes and reads. `tell` hears
    in words where another back end than the configured one is used, once. `heed` is called in between whenever texts
    have ended, many times a second perhaps; what it raises ends the sampling.
    """

    def __init__(
        self,
        config: RunConfig,
        tokenizer: PreTrainedTokenizerBase,
        *,
        precision: str,
        placement: Placement,
        context_length: int,
        run_dir: Path,
        group: Group = ALONE,
        meter: Meter | None = None,
    ) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.precision = precision
        self.placement = placement
        self.context_length = context_length
        self.run_dir = run_dir
        self.group = group
        self.meter = meter or Meter()
        self.scratch = run_dir / f"rollouts-{group.rank}"
        self.batch_size = BatchSize(config.model, precision)
        self.tell: Callable[[str], None] = lambda _: None
        self.heed: Callable[[], object] = lambda: None
        self.memory = KeptMemory()
        self._told: set[str] = set()
        self._slots: SlotBackend | None = None
        self._vllm: VllmBackend | None = None
        self._hand_over: HandOver | None = None
        self._loaded = 0
        self._listener: Listener | None = None
        placement.guest("hf", self.memory.clear)
        placement.guest("slots", self._release_slots)
        placement.guest("vLLM", self._release_vllm, alone=True)

    def backend(self, reasoner: Reasoner) -> RolloutBackend:
        """A back end that generates with `reasoner`'s weights, until another is asked for. Several processes divide
        the work."""
        name = self._name(reasoner)
        if name == "vllm":
            own: RolloutBackend = PlacedBackend(lambda: self._vllm_with(reasoner))
        elif name == "slots":
            own = PlacedBackend(lambda: self._slots_with(reasoner))
        else:
            network = self._own(reasoner)
            own = PlacedBackend(lambda: self._placed(reasoner, network))
        metered = self._metered(ShardedBackend(own, self.group) if self.group.size > 1 else own, reasoner)
        return metered if self._listener is None else OverheardBackend(metered, self._listener)

    @contextmanager
    def overhear(self, most: int) -> Generator[list[Heard]]:
        """The first completions, `most` at most, of back ends that are asked for inside, with log-probabilities."""
        self._listener = Listener(most)
        try:
            yield self._listener.heard
        finally:
            self._listener = None

    def in_process(self, reasoner: Reasoner) -> RolloutBackend:
        """The program's own sampler on `reasoner`'s network, wherever that lies now, in this process alone."""
        return self._metered(self._own(reasoner), reasoner)

    def _metered(self, backend: RolloutBackend, reasoner: Reasoner) -> RolloutBackend:
        return MeteredBackend(backend, self.meter, reasoner.parameters_in_all(), self._heed)

    def _heed(self) -> None:
        self.heed()  # as it is then: a back end may be asked for in one phase and used in another

    def _own(self, reasoner: Reasoner) -> HfBackend:
        return HfBackend(
            reasoner,
            eos=token_id(self.tokenizer.eos_token_id),
            pad=token_id(self.tokenizer.pad_token_id),
            batch=self.config.runtime.rollout_batch or self.batch_size,
            precision=self.precision,
            memory=self.memory,
        )

    def _placed(self, reasoner: Reasoner, backend: HfBackend) -> HfBackend:
        self.placement.place(reasoner, by="hf")
        return backend

    def _name(self, reasoner: Reasoner) -> BackendName:
        """Which back end writes with `reasoner`."""
        wanted, why = self.config.runtime.backend, obstacle(reasoner.network)
        if wanted == "auto":
            there = vllm_installed()
            return choice(self.placement.device, reasoner.parameters_in_all(), by_slots=not why, vllm=there)
        if wanted == "slots" and why:
            if why not in self._told:
                self._told.add(why)
                self.tell(f'Rollouts by runtime.backend = "hf" instead of "slots": {why}.')
            return "hf"
        return wanted

    def _slots_with(self, reasoner: Reasoner) -> SlotBackend:
        self.placement.give_to("slots")
        if self._slots is None:
            self._slots = SlotBackend(
                reasoner,
                eos=token_id(self.tokenizer.eos_token_id),
                pad=token_id(self.tokenizer.pad_token_id),
                batch=self.config.runtime.rollout_batch or self.batch_size,
                precision=self.precision,
                device=self.placement.device,
            )
        self._slots.use(reasoner)
        return self._slots

    def _vllm_with(self, reasoner: Reasoner) -> VllmBackend:
        self.placement.give_to("vLLM")
        if self._vllm is not None and self._loaded == reasoner.key and self._vllm.has_weights:
            return self._vllm
        if self._hand_over is None:
            self._hand_over = HandOver(self.scratch)
        if not reasoner.adapter:
            with self._hand_over.weights(reasoner.network, DTYPES[self.precision]) as folder:
                if self._vllm is None:
                    self._vllm = self._start_vllm(folder, self._hand_over)
                else:
                    self._vllm.load(folder)
        else:
            if self._vllm is None:
                with self._base_of(reasoner, self._hand_over) as base:
                    self._vllm = self._start_vllm(base, self._hand_over, self.config.model.lora_rank)
            self._vllm.load(adapter=self._hand_over.adapter(reasoner, Adapters.of(self.config.model)))
        self._loaded = reasoner.key
        return self._vllm

    def _start_vllm(self, folder: Path, hand_over: HandOver, lora_rank: int = 0) -> VllmBackend:
        device = self.placement.device
        return VllmBackend(
            folder,
            eos=token_id(self.tokenizer.eos_token_id),
            seed=self.config.seed,
            memory_share=self.config.runtime.vllm_memory,
            dtype=self.precision,
            max_len=self.context_length,
            lora_rank=lora_rank,
            card=device.index if device.type == "cuda" else None,
            hand_over=hand_over,
        )

    def _base_of(self, reasoner: Reasoner, hand_over: HandOver) -> AbstractContextManager[Path]:
        """The frozen weights beside the adapters, as a folder."""
        if self.config.model.source != "fresh":
            return nullcontext(find_folder(self.config.model, self.run_dir))
        return hand_over.weights(reasoner.network, DTYPES[self.precision])

    def _release_slots(self) -> None:
        if self._slots is not None:
            self._slots.release()

    def _release_vllm(self) -> None:
        if self._vllm is not None:
            # Who tunes all weights has others when vLLM is next asked, as a rule; beside adapters they stay the same.
            self._vllm.release(weights_follow=self.config.model.tuning == "full")

    def close(self) -> None:
        """End what was started. It may be called twice."""
        self.memory.clear()
        if self._slots is not None:
            self._slots.close()
            self._slots = None
        if self._vllm is not None:
            self._vllm.close()
            self._vllm = None
        if self._hand_over is not None:
            self._hand_over.close()
            self._hand_over = None
