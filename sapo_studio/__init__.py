"""The kernel of SAPO Studio: what the window, the command line and the engine agree on. No Qt, no torch.

Imports neither `sapo_ui` nor `sapo_engine`; both import it. Inside, the layers in pyproject.toml say who imports whom.
"""

__version__ = "0.1.0"
