"""Every action of the window, as data: menus, shortcuts, the command palette and the help are all made from this
list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from sapo_studio.domain.runs import RunStatus
from sapo_studio.store.records import RunSummary
from sapo_ui import theme
from sapo_ui.theme import icons
from sapo_ui.wording import with_mnemonics

ALIVE = frozenset(status for status in RunStatus if status.alive)
RESUMABLE = frozenset(status for status in RunStatus if status.resumable)
DEAD = frozenset(status for status in RunStatus if not status.alive)
ANY = frozenset(RunStatus)
CLOSING = "Close the window. Runs keep running in the background."


@dataclass(frozen=True)
class ActionSpec:
    """One action. `statuses`: it needs a selected run in one of these states (None: it needs no run).

    `menu` is the menu it sits in, `group` separates groups by a line, `local` shortcuts are handled by the list that
    has the focus.
    """

    id: str
    text: str
    menu: str
    group: int
    help: str
    shortcut: str = ""
    icon: str = ""
    statuses: frozenset[RunStatus] | None = None
    checkable: bool = False
    local: bool = False


ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("run.new", "New run\u2026", "Run", 0, "Set up and start a run.", "Ctrl+N", "plus"),
    ActionSpec(
        "run.demo",
        "Run the demo",
        "Run",
        0,
        "Start the preset lab-demo: the arithmetic lab, a few minutes.",
        "",
        "play",
    ),
    ActionSpec(
        "file.import",
        "Import file\u2026",
        "Run",
        0,
        "Take in a file of solutions with labeled steps, to browse, judge and export them. Or drop it on the window.",
        "Ctrl+O",
        "import",
    ),
    ActionSpec(
        "run.clone",
        "Clone as new run\u2026",
        "Run",
        0,
        "Set up a run with this run's configuration.",
        "Ctrl+D",
        "copy",
        ANY,
    ),
    ActionSpec(
        "run.again",
        "Again with another seed\u2026",
        "Run",
        0,
        "Set up the same run with the next seed that it has not had.",
        "Ctrl+Shift+D",
        "",
        ANY,
    ),
    ActionSpec(
        "run.pause",
        "Pause",
        "Run",
        1,
        "Pause at the next step boundary.",
        "Ctrl+Shift+P",
        "pause",
        frozenset({RunStatus.RUNNING}),
    ),
    ActionSpec(
        "run.continue",
        "Continue",
        "Run",
        1,
        "Continue a paused run.",
        "Ctrl+Shift+G",
        "play",
        frozenset({RunStatus.PAUSED}),
    ),
    ActionSpec(
        "run.resume",
        "Resume",
        "Run",
        1,
        "Resume from the last checkpoint.",
        "Ctrl+Shift+R",
        "play",
        RESUMABLE,
    ),
    ActionSpec(
        "run.queue",
        "Add to queue",
        "Run",
        1,
        "Let the run wait in the queue and start by itself once there is room for it.",
        "Ctrl+Shift+U",
        "queued",
        RESUMABLE,
    ),
    ActionSpec(
        "run.stop_after",
        "Stop after phase",
        "Run",
        1,
        "Stop when the current phase is complete.",
        "",
        "stop-after",
        ALIVE,
    ),
    ActionSpec(
        "run.stop",
        "Stop",
        "Run",
        1,
        "Stop at the next step boundary. Resume continues from there.",
        "Ctrl+Shift+X",
        "stop",
        ALIVE | {RunStatus.QUEUED},
    ),
    ActionSpec(
        "run.checkpoint", "Checkpoint now", "Run", 1, "Write a checkpoint of the current training.", "", "", ALIVE
    ),
    ActionSpec(
        "run.kill",
        "Kill engine\u2026",
        "Run",
        1,
        "End the engine at once. What it has not recorded yet is done again on resume.",
        "",
        "",
        ALIVE,
    ),
    ActionSpec("run.rename", "Rename\u2026", "Run", 2, "Give the run another name.", "F2", "", ANY),
    ActionSpec("run.folder", "Open folder", "Run", 2, "Show the run's files.", "", "folder", ANY),
    ActionSpec(
        "run.copy_id",
        "Copy run id",
        "Run",
        2,
        "Copy the id by which `sapo report` and other commands know the run.",
        "Ctrl+Shift+C",
        "copy",
        ANY,
    ),
    ActionSpec(
        "run.notes", "Notes and tags\u2026", "Run", 2, "Write down what is to be remembered about the run.", "", "", ANY
    ),
    ActionSpec(
        "run.score",
        "Score with a verifier\u2026",
        "Run",
        2,
        "Score the solutions of this imported file by a verifier of a run.",
        "",
        "",
        ANY,
    ),
    ActionSpec("run.archive", "Archive", "Run", 3, "Put the run out of the list. It keeps everything.", "", "", DEAD),
    ActionSpec(
        "run.bin",
        "Move to bin",
        "Run",
        3,
        "Put the run into the bin, from where it can be restored.",
        "Del",
        "",
        DEAD,
        local=True,
    ),
    ActionSpec(
        "run.delete", "Delete for good\u2026", "Run", 3, "Delete the run and everything it wrote.", "", "", DEAD
    ),
    ActionSpec(
        "run.export",
        "Export labels\u2026",
        "Export",
        0,
        "Write step labels in a format that others read.",
        "Ctrl+E",
        "",
        ANY,
    ),
    ActionSpec(
        "run.report",
        "Export report\u2026",
        "Export",
        0,
        "Write one HTML page with curves, tables, sample solutions and settings.",
        "Ctrl+Shift+H",
        "",
        ANY,
    ),
    ActionSpec(
        "run.tables",
        "Export tables\u2026",
        "Export",
        0,
        "Write everything that is stored of the run as Parquet or CSV, for other programs.",
        "",
        "",
        ANY,
    ),
    ActionSpec(
        "run.publish",
        "Publish model\u2026",
        "Export",
        0,
        "Write the reasoner or a verifier as a folder with a card that others load, or put it on the Hub.",
        "",
        "",
        ANY,
    ),
    ActionSpec(
        "view.export",
        "Export panel\u2026",
        "Export",
        1,
        "Copy or save what has the focus, or a part of the page: as a picture, or its numbers.",
        "Ctrl+Shift+E",
    ),
    ActionSpec("store.new", "New data folder\u2026", "Store", 0, "Begin a store in another folder, in its own window."),
    ActionSpec("store.open", "Open data folder\u2026", "Store", 0, "Open another store, in a window of its own."),
    ActionSpec("store.recent", "Recent data folders\u2026", "Store", 0, "Open a store that was open before."),
    ActionSpec("store.backup", "Back up now", "Store", 1, "Copy the store; the copy before it is kept, too."),
    ActionSpec("store.restore", "Restore\u2026", "Store", 1, "List the backups, and go back to one of them."),
    ActionSpec("store.engine", "Engine\u2026", "Store", 2, "What computes (PyTorch): is it there, and setting it up."),
    ActionSpec("go.bin", "Bin\u2026", "Store", 2, "Restore runs that were thrown away, or free their space."),
    ActionSpec("app.close", "Close window", "Run", 4, CLOSING, "Ctrl+W"),
    ActionSpec("app.quit", "Quit", "Run", 4, CLOSING, "Ctrl+Q"),
    ActionSpec("run.watch", "Watch", "View", 0, "The run's heatmap, curves and numbers.", "Ctrl+1", "", ANY),
    ActionSpec("run.read", "Read", "View", 0, "The run's trajectories, one over the whole height.", "Ctrl+2", "", ANY),
    ActionSpec(
        "run.audit",
        "Label audit",
        "View",
        0,
        "Can the labels of this run be trusted: who is wrong how often, and where do they disagree.",
        "Ctrl+3",
        "audit",
        ANY,
    ),
    ActionSpec(
        "run.evaluate",
        "Evaluate verifier\u2026",
        "View",
        0,
        "How good a verifier is, of this run or from elsewhere: on a process benchmark, as a chooser among samples, "
        "against every reasoner.",
        "",
        "",
    ),
    ActionSpec(
        "go.queue",
        "Queue",
        "View",
        0,
        "Runs that wait for cards or cores and start by themselves: their order, and what happens when.",
        "Ctrl+U",
        "queued",
    ),
    ActionSpec(
        "go.annotate", "Annotate", "View", 0, "Judge the steps of a queue of trajectories.", "Ctrl+J", "annotate"
    ),
    ActionSpec(
        "go.compare",
        "Compare",
        "View",
        0,
        "Picked runs beside each other: curves, configurations, paired tests and single questions.",
        "Ctrl+M",
        "compare",
    ),
    ActionSpec(
        "run.compare",
        "Pick for comparison",
        "View",
        0,
        "Pick the run for the Compare page, or no longer. Space does it in the list of runs.",
        "",
        "compare",
        ANY,
        checkable=True,
    ),
    ActionSpec(
        "go.benchmarks",
        "Process benchmarks",
        "View",
        0,
        "Make, freeze and export solutions whose first error is known.",
        "Ctrl+Shift+B",
        "benchmarks",
    ),
    ActionSpec(
        "go.playground",
        "Playground",
        "View",
        0,
        "Ask one or two checkpoints a question, and see every step scored as it is written.",
        "Ctrl+P",
        "playground",
    ),
    ActionSpec("go.find", "Find run", "View", 0, "Go to the search field above the runs.", "Ctrl+F", "search"),
    ActionSpec("go.list", "Go to the runs", "View", 0, "Put the focus on the list of runs.", "Ctrl+L"),
    ActionSpec("go.palette", "Find action\u2026", "View", 0, "Find any action by its name.", "Ctrl+K", "search"),
    ActionSpec(
        "go.sidebar",
        "Side bar",
        "View",
        1,
        "Show pages and runs, or fold them to a rail of icons.",
        "Ctrl+B",
        checkable=True,
    ),
    ActionSpec("view.strip", "Fold phases and numbers", "View", 1, "One line instead of three.", "Ctrl+T"),
    ActionSpec("view.reset", "Reset panel layout", "View", 1, "Divide the run's page as at first."),
    ActionSpec("view.system", "Follow the system", "View", 2, "Light or dark as the system says.", checkable=True),
    ActionSpec("view.light", "Light", "View", 2, "Always light.", checkable=True),
    ActionSpec("view.dark", "Dark", "View", 2, "Always dark.", checkable=True),
    ActionSpec("help.page", "Help on this", "Help", 0, "Help on the focused panel or page.", "F1", "help"),
    ActionSpec("help.keys", "Keyboard shortcuts", "Help", 0, "List every shortcut."),
    ActionSpec(
        "help.data", "Show data folder", "Help", 1, "Show the folder with the store and all runs.", "", "folder"
    ),
    ActionSpec("help.about", "About SAPO Studio", "Help", 1, "Versions and licences."),
)
"""All of them, in menu order."""


class Actions(QObject):
    """The QActions made from `specs`, by id. They do nothing before `handle` has said what each does."""

    def __init__(self, parent: QObject, specs: Iterable[ActionSpec] = ACTIONS) -> None:
        super().__init__(parent)
        self.specs = tuple(specs)
        self._actions: dict[str, QAction] = {}
        marked: dict[str, str] = {}
        for menu in dict.fromkeys(spec.menu for spec in self.specs):
            mine = [spec for spec in self.specs if spec.menu == menu]
            marked |= zip((spec.id for spec in mine), with_mnemonics([spec.text for spec in mine]), strict=True)
        for spec in self.specs:
            action = QAction(marked[spec.id], self)
            action.setIconText(spec.text)  # for buttons, whose letters belong to the page
            action.setObjectName(spec.id)
            action.setToolTip(spec.help)
            action.setStatusTip(spec.help)
            action.setCheckable(spec.checkable)
            if spec.shortcut and not spec.local:
                action.setShortcut(QKeySequence(spec.shortcut))
            self._actions[spec.id] = action
        self._restyle()
        theme.manager().changed.connect(self._restyle)

    def handle(self, handlers: Mapping[str, Callable[[], object]]) -> None:
        """Say what each does, by id. ValueError where an action has no handler, or a handler no action."""
        if self._actions.keys() != handlers.keys():
            raise ValueError(f"actions and handlers differ: {sorted(self._actions.keys() ^ handlers.keys())}")
        for action_id, handler in handlers.items():
            self._actions[action_id].triggered.connect(_without_argument(handler))

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def icon_of(self, action_id: str) -> str:
        """The name of an action's icon, for who draws it in a color of their own."""
        return next(spec.icon for spec in self.specs if spec.id == action_id)

    def show_run(self, run: RunSummary | None) -> None:
        """Enable what can be done to this run as it is now (None: no run is shown)."""
        for spec in self.specs:
            if spec.statuses is not None:
                self._actions[spec.id].setEnabled(run is not None and run.status in spec.statuses)
        self._actions["run.score"].setEnabled(run is not None and run.imported)  # a run's verifiers score its own
        if run is not None and run.imported:
            self._actions["run.watch"].setEnabled(False)  # there is nothing to watch in a file
            for made in ("run.clone", "run.again", "run.publish"):
                self._actions[made].setEnabled(False)  # no configuration made it
            self._actions["run.folder"].setEnabled(False)
        if run is not None and run.status is RunStatus.QUEUED and run.pid is not None:
            self._actions["run.resume"].setEnabled(False)  # its engine is on its way
        archived = run is not None and run.archived_at is not None
        self._reword("run.archive", "Back from the archive" if archived else "Archive")
        if run is not None and (run.waits_for is not None or run.pid is not None or run.imported):
            self._actions["run.queue"].setEnabled(False)

    def _reword(self, action_id: str, text: str) -> None:
        """Call an action otherwise, with a letter marked that no other entry of its menu has."""
        action = self._actions[action_id]
        if action.iconText() == text:
            return
        menu = next(spec.menu for spec in self.specs if spec.id == action_id)
        others = [spec.id for spec in self.specs if spec.menu == menu and spec.id != action_id]
        letters = [self._actions[name].text().partition("&")[2][:1] for name in others]
        action.setText(with_mnemonics([*letters, text])[-1])
        action.setIconText(text)

    def yield_shortcuts(self, keys: frozenset[str]) -> None:
        """Leave these keys to the focused panel, which uses them itself: Qt acts on no key that two would take."""
        for spec in self.specs:
            if spec.shortcut and not spec.local:
                wanted = QKeySequence("" if spec.shortcut in keys else spec.shortcut)
                if self._actions[spec.id].shortcut() != wanted:
                    self._actions[spec.id].setShortcut(wanted)

    def _restyle(self) -> None:
        for spec in self.specs:
            if spec.icon:
                self._actions[spec.id].setIcon(icons.icon(spec.icon))


def _without_argument(handler: Callable[[], object]) -> Callable[[bool], None]:
    def call(checked: bool = False) -> None:
        del checked
        handler()

    return call
