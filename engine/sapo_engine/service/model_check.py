"""Whether a model can be loaded (`sapo run` asks for families whose tensors the kernel does not know)."""

from __future__ import annotations

from sapo_engine.models.loading import check_model
from sapo_engine.service.torch_setup import set_up
from sapo_studio.requests.kinds import ModelCheckRequest


def answer(request: ModelCheckRequest) -> dict[str, int]:
    """See ModelCheckRequest."""
    set_up()
    return {"weights": check_model(request.folder)}
