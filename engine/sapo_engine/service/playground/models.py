"""What is loaded: each network once, however many use it. Reasoners by what lies on disk, and what asks them."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from sapo_engine.models.checks import check_token_numbers
from sapo_engine.models.loading import load_config, load_network, load_tokenizer, start_model
from sapo_engine.models.placement import move_to
from sapo_engine.models.precision import DTYPES, resolve
from sapo_engine.models.reasoner import Adapters, Reasoner, discard, load_adapter
from sapo_engine.models.same_weights import same_model
from sapo_engine.models.sources import find_folder
from sapo_engine.saved_run import SavedRun, config_of
from sapo_engine.service.playground.desk import Desk
from sapo_engine.tasks.typed import typed_task
from sapo_engine.verifier.classifiers import Classifier
from sapo_engine.verifier.model import ADAPTER, Verifier, load_verifier
from sapo_studio.config.schema import parse_config
from sapo_studio.errors import InputError
from sapo_studio.files import read_manifest
from sapo_studio.requests.play import Checkpoint

Key = tuple[Hashable, ...]


@dataclass(frozen=True)
class Writer:
    """A checkpoint that is ready: its reasoner, and the desks by whether programs are asked for."""

    reasoner: Reasoner
    precision: str
    desks: dict[bool, Desk]
    keys: frozenset[Key]
    """Of the shelf: what it is made of."""

    def desk(self, *, code: bool) -> Desk:
        """The one for a question that is graded by tests (`code`), or by an answer; a run has one for all."""
        return self.desks.get(code) or next(iter(self.desks.values()))


class Run:
    """A run's folder: what its checkpoints are made of."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder = folder
        self.config = config_of(folder)
        self.saved = SavedRun(self.config, folder, device)
        self.full = self.config.model.tuning == "full"
        self.adapters = Adapters.of(self.config.model)
        self.precision = resolve(self.config.model.precision, device)

    def artefact(self, name: str, what: str) -> Path:
        """A whole artefact's folder. Raises InputError where there is none, or files of it are missing or cut off."""
        folder = self.saved.artefact(name, what)
        if read_manifest(folder) is None:
            raise InputError(
                f"The {what} of {self.folder.name} is damaged",
                why=f"Files are missing in {folder}, or are not as long as they were written.",
                fix="Choose another iteration, or put the folder back from a copy.",
            )
        return folder

    def reasoner(self, i: int) -> Path:
        """The artefact of M_i, i >= 1."""
        return self.artefact(f"align-{i - 1}" if i > 1 else "sft-0", f"reasoner M_{i}")

    def tokenizer_folder(self) -> Path | None:
        """Where its tokenizer lies beside weights of the run's own, whatever has become of the model it began with."""
        for name in sorted(self.saved.artefacts):
            for inside in ("model", "verifier"):
                folder = self.saved.artefacts[name] / inside
                if (folder / "tokenizer_config.json").is_file() and read_manifest(folder.parent) is not None:
                    return folder
        return None


class Models:
    """Networks, runs and desks by what they are made from, on `device`.

    Whoever loads something gets its keys, and says by `keep` which of all keys are still needed. `check` is called
    between any two parts of a loading, and may raise.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._networks: dict[Key, PreTrainedModel] = {}
        self._folders: dict[Key, Path] = {}
        self._adapters: dict[Key, Reasoner] = {}
        self._desks: dict[Key, Desk] = {}
        self._readers: dict[Key, Verifier | Classifier] = {}
        self._letting_go = threading.Lock()

    def writer(self, checkpoint: Checkpoint, tell: Callable[[str, float], None]) -> Writer:
        """A checkpoint, ready to write. `tell` hears what is being loaded, and may raise to end it."""
        if checkpoint.model is not None:
            return self._by_itself(checkpoint, checkpoint.model, tell)
        assert checkpoint.run is not None
        run = Run(checkpoint.run, self.device)
        name = f"M_{checkpoint.iteration}" if checkpoint.iteration else "the base model"
        tell(f"Loading {name} of {run.folder.name}", 0.1)
        reasoner, keys = self.reasoner(run, checkpoint.iteration)
        tell("Loading the task", 0.6)
        desk, key = self.desk(run, reasoner)
        return Writer(reasoner, run.precision, {desk.task.is_code: desk}, frozenset({*keys, key}))

    def _by_itself(self, checkpoint: Checkpoint, model: Path, tell: Callable[[str, float], None]) -> Writer:
        told = {"source": str(model)}
        # Of the kinds those that leave most open; nothing is read from their data.
        answers = parse_config({"model": told, "task": {"kind": "jsonl", "train_data": "typed"}})
        programs = parse_config({"model": told, "task": {"kind": "mbpp"}})
        tell(f"Loading {model.name}", 0.1)
        folder = find_folder(answers.model, model)
        load_config(folder)
        tokenizer = load_tokenizer(folder)
        precision = resolve("auto", self.device)
        # It is not trained here: as it computes, so it is kept.
        network, key = self._from_folder(folder, DTYPES[precision])
        check_token_numbers(str(model), tokenizer, network)
        how = checkpoint.prompt
        if how == "auto":
            how = "chat" if tokenizer.chat_template else "plain"
        desks: dict[bool, Desk] = {}
        keys: set[Key] = {key}
        for config in (answers, programs):
            task = config.task.model_copy(update={"prompt": how})
            desk_key: Key = ("desk", str(model), task.kind, how)
            desk = self._desks.get(desk_key)
            if desk is None:
                desk = Desk(config.model_copy(update={"task": task}), tokenizer, _context(network))
                self._desks[desk_key] = desk
            desks[desk.task.is_code] = desk
            keys.add(desk_key)
        return Writer(Reasoner(network), precision, desks, frozenset(keys))

    # -- Of a run

    def reasoner(self, run: Run, i: int) -> tuple[Reasoner, frozenset[Key]]:
        """M_i of a run, i >= 1, or what it began with (0), and the keys of what it is made of."""
        if run.full and i:
            network, key = self._from_folder(run.reasoner(i) / "model", torch.float32)
            return Reasoner(network), frozenset({key})
        network, base = self._start(run)
        if not i:
            return Reasoner(network), frozenset({base})
        artefact = run.reasoner(i)
        key: Key = ("adapter", str(artefact))
        if key not in self._adapters:
            self._adapters[key] = load_adapter(network, run.adapters, artefact / "adapter")
            move_to(network, self.device)
        return self._adapters[key], frozenset({base, key})

    def _start(self, run: Run) -> tuple[PreTrainedModel, Key]:
        """The network that a run began with, in the precision that the run kept it in."""
        config = run.config.model
        if config.source != "fresh" and config.tuning != "qlora":
            folder = find_folder(config, run.folder)
            return self._from_folder(folder, torch.float32 if run.full else DTYPES[run.precision])
        key: Key = ("start", config.model_dump_json(), run.config.seed, run.config.task.model_dump_json())
        if key not in self._networks:
            network, _ = start_model(
                config, typed_task(run.config.task, run.config.seed), run.config.seed, self.device, run.folder
            )
            self._networks[key] = move_to(network.eval(), self.device)
        return self._networks[key], key

    def _tokenizer(self, run: Run) -> PreTrainedTokenizerBase:
        if (folder := run.tokenizer_folder()) is not None:
            return load_tokenizer(folder)
        if run.config.model.source == "fresh":
            return typed_task(run.config.task, run.config.seed).build_tokenizer()
        return load_tokenizer(find_folder(run.config.model, run.folder))

    def _from_folder(self, folder: Path, dtype: torch.dtype) -> tuple[PreTrainedModel, Key]:
        """The network of a folder; that of another one where both hold the same model."""
        for key, known in self._folders.items():
            if key[-1] == str(dtype) and same_model(known, folder):
                return self._networks[key], key
        key = ("folder", str(folder), str(dtype))
        self._networks[key] = move_to(load_network(folder, dtype=dtype).eval(), self.device)
        self._folders[key] = folder
        return self._networks[key], key

    def desk(self, run: Run, reasoner: Reasoner) -> tuple[Desk, Key]:
        """What puts questions to a run's reasoners, and reads what they write."""
        key: Key = ("desk", str(run.folder))
        if key not in self._desks:
            context = _context(reasoner.network)
            self._desks[key] = Desk(run.config, self._tokenizer(run), context, run.folder)
        return self._desks[key], key

    # -- Verifiers

    def verifier(self, run: Run, i: int) -> tuple[Verifier, frozenset[Key]]:
        """V_i of a run, i >= 0, and the keys of what it is made of."""
        folder = run.artefact(f"verifier-{i}", f"verifier V_{i}") / "verifier"
        key: Key = ("verifier", str(folder))
        reasoner, keys = None, frozenset[Key]()
        if (folder / ADAPTER).is_dir():
            # Adapters on the weights of the reasoner that it was trained from.
            reasoner, keys = self.reasoner(run, max(i, 1))
        found = self._readers.get(key)
        if not isinstance(found, Verifier):
            found = load_verifier(
                folder,
                reasoner=reasoner,
                config=run.config.verifier,
                adapters=run.adapters,
                precision=run.precision,
            )
            move_to(found.backbone, self.device)
            found.head.to(self.device)
            self._readers[key] = found
        return found, keys | {key}

    def classifier(self, folder: Path) -> tuple[Classifier, frozenset[Key]]:
        """A classification model, and its key."""
        key: Key = ("classifier", str(folder))
        found = self._readers.get(key)
        if not isinstance(found, Classifier):
            found = self._readers[key] = Classifier(folder, self.device)
        return found, frozenset({key})

    # -- All of it

    def keep(self, needed: set[Key]) -> None:
        """Let go of everything else. A loading that was left alone may still be adding to it, and letting go of its own
        at the same moment."""
        with self._letting_go:
            for key in [key for key in list(self._desks) if key not in needed]:
                self._desks.pop(key).close()
            for key in [key for key in list(self._readers) if key not in needed]:
                if isinstance(reader := self._readers.pop(key), Verifier):
                    discard(reader.base)
            for key in [key for key in list(self._adapters) if key not in needed]:
                discard(self._adapters.pop(key))
            for key in [key for key in list(self._networks) if key not in needed]:
                del self._networks[key]
                self._folders.pop(key, None)
            _give_back(self.device)

    def memory(self) -> int:
        """Bytes of all weights; what several use counts once."""
        return sum({tensor.data_ptr(): tensor.nbytes for tensor in self._tensors()}.values())

    def _tensors(self) -> Iterator[torch.Tensor]:
        readers = (one if isinstance(one, Verifier) else one.model for one in list(self._readers.values()))
        for module in (*self._networks.values(), *readers):
            yield from module.parameters()
            yield from module.buffers()


def _context(network: PreTrainedModel) -> int:
    return int(getattr(network.config.get_text_config(), "max_position_embeddings", 1 << 20))


def _give_back(device: torch.device) -> None:
    """Have the system see what is free now."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another libc keeps what it keeps
            ctypes.CDLL(None).malloc_trim(0)
