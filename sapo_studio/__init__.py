"""The kernel of SAPO Studio: what the window, the command line and the engine agree on. No Qt, no torch.

Imports neither `sapo_ui` nor `sapo_engine`; both import it. Inside, the layers in pyproject.toml say who imports whom.
For programs of others there is `open_store` and what it gives, loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sapo_studio.app.exports.own_programs import StoredRun, StoredRuns, StoredTable, open_store

__all__ = ["StoredRun", "StoredRuns", "StoredTable", "__version__", "open_store"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Not at import: every program of the project imports this package, and most need nothing that reads a store.
    if name in __all__:
        return getattr(import_module("sapo_studio.app.exports.own_programs"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
