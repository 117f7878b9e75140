"""Whether a tokenizer can be loaded (`sapo run` asks where it knows the model's tensors itself). No torch here."""

from __future__ import annotations

import sys

from tokenizers import Tokenizer

from sapo_studio.errors import InputError
from sapo_studio.model_files.reading import DAMAGED, MIB, reason
from sapo_studio.model_files.tokenizer_files import TOKENIZER
from sapo_studio.requests.kinds import TokenizerCheckRequest

MEMORY = 8192 * MIB
SECONDS = 60
TRIED = "Question: 1 + 1 = ?\nAnswer: 2\n"


def answer(request: TokenizerCheckRequest) -> dict[str, int]:
    """See TokenizerCheckRequest."""
    _limit()
    file = request.folder / TOKENIZER
    try:
        tokenizer = Tokenizer.from_file(str(file))
        tokens = tokenizer.encode(TRIED).ids
    except BaseException as error:  # the library panics with an error that is no Exception
        if not (isinstance(error, Exception) or type(error).__name__ == "PanicException"):
            raise
        raise InputError(f"The tokenizer in {file} cannot be loaded", why=reason(error), fix=DAMAGED) from error
    return {"tokens": len(tokens)}


def _limit() -> None:
    """This process ends rather than take the machine's memory, or compute for ever."""
    if sys.platform == "win32":
        return
    import resource

    for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, hard))
