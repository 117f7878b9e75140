"""The playground's page while an engine writes on both sides: what a look at the answers, and a repaint, take."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from PySide6.QtWidgets import QApplication

from sapo_studio.app.playground.checkpoints import CheckpointChoice
from sapo_studio.app.playground.session import Listener
from sapo_studio.requests.play import (
    SIDES,
    Asking,
    Checkpoint,
    Message,
    Piece,
    Sample,
    Started,
    StepDone,
    StepScored,
    encode,
    read_answer,
    solution_id,
)
from sapo_ui import theme
from sapo_ui.features.playground.page import PlaygroundDoors, PlaygroundPage
from sapo_ui.services.playground import Playground, Sampling, SideChoice
from ui_parts.measure import Report, spread

SIZE = (1872, 1020)
SOLUTIONS, RATE, WORDS = 32, 40, 20
"""On each side; tokens a second of each stream; tokens of a step."""


class _Flood:
    """A session whose engine writes as fast as `RATE` says, on both sides at once, from a thread, as the real one's
    reader does: each answer is decoded from its line."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._names: list[str] = []
        self._stop = threading.Event()
        self.rate = 0.0

    def send(self, message: Message) -> None:
        if isinstance(message, Sample):
            names = [solution_id(message.id, at) for at in range(message.solutions)]
            self._names += names
            self._listener(Started(request=message.id, solutions=tuple(names)))

    def cancel(self, request: str | None = None) -> None:
        del request

    def close(self, seconds: float = 0.0) -> None:
        del seconds
        self._stop.set()

    def write(self, seconds: float) -> None:
        """For so long."""
        begun, token = time.monotonic(), 0
        texts = dict.fromkeys(self._names, "")
        while not self._stop.is_set() and time.monotonic() - begun < seconds:
            token += 1
            for name in self._names:
                request, ends = name.partition("/")[0], token % WORDS == 0
                text = f" word{token % 10}" + ("\n" if ends else "")
                piece = Piece(request=request, solution=name, at=len(texts[name]), text=text, tokens=token)
                texts[name] += text
                self._listener(read_answer(encode(piece)))
                if ends:
                    step = texts[name].rstrip("\n").rpartition("\n")[2]
                    number = token // WORDS
                    self._listener(StepDone(request=request, solution=name, step=number, text=step))
                    self._listener(StepScored(request=request, solution=name, step=number, score=token % 50 / 50))
            time.sleep(max(0.0, begun + token / RATE - time.monotonic()))
        self.rate = token / (time.monotonic() - begun)


def both_sides(home: Path, seconds: float = 15.0) -> Report:
    """2 x 32 streams, with one solution open on each side."""
    floods: list[_Flood] = []

    def make(listener: Listener, on_cpu: object, say_where: object) -> _Flood:
        del on_cpu, say_where
        floods.append(_Flood(listener))
        return floods[-1]

    checkpoint = CheckpointChoice(
        Checkpoint(run=home, iteration=1), "run-1", "run", "run, M1", "M1", 1, True, "gsm8k", (), None
    )
    playground = Playground(make, lambda _: [checkpoint])
    page = PlaygroundPage(playground, PlaygroundDoors(lambda: None, lambda: None, lambda _: None))
    page.resize(*SIZE)
    page.show()
    playground.sample(Asking(text="How many?"), [SideChoice(side, checkpoint) for side in SIDES], Sampling(SOLUTIONS))
    playground.listen()
    for side, panel in page.sides.items():
        panel.list.choose(playground.board[side].solutions[-1].id, open_=True)
    theme.cividis()  # the window has it from its heatmap
    for _ in range(5):  # the page's first picture is not what is measured
        QApplication.processEvents()
        page.repaint()
    writer = threading.Thread(target=floods[0].write, args=(seconds,), daemon=True)
    writer.start()
    turns: list[float] = []
    while writer.is_alive():
        began = time.thread_time()
        QApplication.processEvents()
        if (took := time.thread_time() - began) > 1e-4:  # a turn in which something was looked at or painted
            turns.append(1000 * took)
        time.sleep(0.001)
    playground.end()
    page.close()
    return {
        "streams": 2 * SOLUTIONS,
        "tokens_a_second": round(floods[0].rate, 1),
        "turn": {**spread(turns), "most_ms": round(max(turns), 2)},
    }
