"""Uploading a published folder to the Hub (`sapo publish --hub` asks). The token is huggingface_hub's to find; nothing
that is told here has it, whatever a server answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from huggingface_hub import HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import disable_progress_bars

from sapo_studio.errors import EngineError, InputError, SapoError
from sapo_studio.model_files.reading import shown
from sapo_studio.requests.kinds import HubUploadRequest
from sapo_studio.requests.wire import write_progress

HIDDEN = "(token)"
NETWORK = next(kind for kind in HfHubHTTPError.__mro__ if issubclass(kind, Exception) and kind.__name__ == "HTTPError")
"""What carries requests raises it where a connection fails: which package that is, is huggingface_hub's affair."""


def answer(request: HubUploadRequest) -> dict[str, Any]:
    """See HubUploadRequest."""
    token = get_token()
    if token is None:
        raise InputError("There is no token for the Hub", fix="Set HF_TOKEN, or `hf auth login`.")
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token, library_name="sapo-studio")
    kept = f"The folder is kept: {request.folder}."
    if not request.update:
        _tried(
            lambda: api.create_repo(request.repository, private=request.private, exist_ok=False),
            f"The repository {request.repository} could not be made",
            kept,
            token,
        )
    disable_progress_bars()
    write_progress(0.1)
    begun = kept if request.update else f"{kept} The repository is there now, without files: go on by --update."
    commit = _tried(
        lambda: api.upload_folder(
            repo_id=request.repository, folder_path=request.folder, commit_message=request.message
        ),
        f"{request.repository} could not be uploaded",
        begun,
        token,
    )
    return {"address": f"{api.endpoint}/{request.repository}", "commit": str(commit.oid)}


def _tried(work: Callable[[], Any], what: str, kept: str, token: str) -> Any:
    """What `work` gives; its errors as this program's own, without the token and without their cause, which may hold
    it."""
    told: SapoError
    try:
        return work()
    except HfHubHTTPError as error:
        told = _refused(error, what, kept, token)
    except (NETWORK, OSError, ValueError, RuntimeError) as error:
        told = EngineError(what, why=_said(error, token), fix=f"{kept} Look at the connection and try again.")
    raise told from None


def _refused(error: HfHubHTTPError, what: str, kept: str, token: str) -> SapoError:
    status = error.response.status_code
    said = _said(getattr(error, "server_message", None) or error, token)
    match status:
        case 401:
            return InputError(
                what, why=f"The Hub does not take the token (401): {said}", fix=f"{kept} `hf auth login` again."
            )
        case 403:
            return InputError(
                what,
                why=f"The token may not do this (403): {said}",
                fix=f"{kept} Use a token with the right to write there, or another owner.",
            )
        case 404:
            return InputError(what, why=f"There is no such place (404): {said}", fix=f"{kept} Check OWNER/NAME.")
        case 409:
            return InputError(
                what,
                why="There is a repository of that name already (409).",
                fix=f"{kept} Choose another name, or --update to add a version to it.",
            )
        case _:
            return EngineError(what, why=f"The Hub answered {status}: {said}", fix=f"{kept} Try again later.")


def _said(error: object, token: str) -> str:
    """The first line of what `error` says, and of what it came from."""
    found: list[str] = []
    while error is not None:
        lines = str(error).replace(token, HIDDEN).strip().splitlines()
        found.append(lines[0] if lines else type(error).__name__)
        error = getattr(error, "__cause__", None)
    return shown(" ".join(dict.fromkeys(found)), 300)
