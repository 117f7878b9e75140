"""A folder of outputs appears whole or not at all, and never over something that came there meanwhile."""

from __future__ import annotations

import pytest

from sapo_studio.errors import InputError
from sapo_studio.files import FolderDraft, cannot_write


@pytest.mark.parametrize("as_folder", [True, False])
def test_what_comes_there_meanwhile_stays(tmp_path, as_folder):
    draft = FolderDraft(tmp_path / "model", empty_is_free=True)
    (draft.partial / "mine").write_text("2")
    there = tmp_path / "model"
    if as_folder:
        there.mkdir()
        there = there / "theirs"
    there.write_text("1")
    with pytest.raises(InputError, match="exists already"):
        draft.finish()
    assert there.read_text() == "1"
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_why_it_cannot_be_written_names_no_folder_but_the_users(tmp_path):
    error = OSError(28, "No space left on device", "model.1234abcd.partial")
    assert cannot_write(tmp_path / "model", error).why == "No space left on device"
