"""Which sandbox this machine has (`sapo doctor` asks). No torch here."""

from __future__ import annotations

from sapo_engine.grading.programs import probe


def answer() -> dict[str, str]:
    """See SandboxProbeRequest."""
    sandbox, why = probe()
    return {"sandbox": sandbox, "why": why}
