"""`sapo publish --hub`, against a stand-in for the Hub on this machine: asked first, private, one clear error each, and
the token nowhere."""

from __future__ import annotations

import json
import os

import pytest

from sapo_studio import paths
from sapo_studio.requests import client
from sapo_studio.requests.kinds import HubUploadRequest
from tests.fixtures.command_line import sapo
from tests.fixtures.hub_server import TOKEN, hub
from tests.fixtures.kept_models import LAB, KeptModels


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return KeptModels(tmp_path_factory.mktemp("home"), LAB)


@pytest.fixture
def stand_in(run, monkeypatch, tmp_path):
    """The Hub, and a user who has a token for it and nothing else."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv(paths.HOME_VARIABLE, str(run.home))
    with hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def publish(run, folder, *options, given=""):
    """The command, with its output and errors as one text; the token is in neither."""
    done = sapo("publish", run.run_id, "--out", folder, "--hub", "me/mine", *options, given=given)
    told = f"{done.stdout}\n{done.stderr}"
    assert TOKEN not in told
    assert "Traceback" not in told
    return done.returncode, " ".join(told.split())


def test_it_is_asked_first_and_private(run, stand_in, tmp_path):
    code, told = publish(run, tmp_path / "no", given="n\n")
    assert code == 3, told
    assert f"to {stand_in.address}/me/mine (private" in told
    assert "7 files" in told
    assert stand_in.asked == []
    assert (tmp_path / "no" / "README.md").is_file()
    code, told = publish(run, tmp_path / "yes", given="y\n")
    assert code == 0, told
    assert stand_in.repositories == {"me/mine": True}
    assert stand_in.files == {file.name: file.read_bytes() for file in (tmp_path / "yes").iterdir()}
    card = stand_in.files["README.md"].decode()
    assert 'folder = "me/mine"' in card
    assert all(TOKEN.encode() not in data for data in stand_in.files.values())
    code, told = publish(run, tmp_path / "again", "--yes", "--update")
    assert code == 0, told
    assert [one for one in stand_in.asked if "repos/create" in one] == ["POST /api/repos/create"]


def test_everybody_sees_it_where_that_is_asked_for(run, stand_in, tmp_path):
    code, told = publish(run, tmp_path / "out", "--public", given="y\n")
    assert code == 0, told
    assert "everybody can see it" in told
    assert stand_in.repositories == {"me/mine": False}


@pytest.mark.parametrize(
    ("fails", "code", "told"),
    [
        ({"repos/create": 401}, 2, "does not take the token (401)"),
        ({"repos/create": 403}, 2, "may not do this (403)"),
        ({"repos/create": 409}, 2, "a repository of that name already (409)"),
        ({"/commit/": 403}, 2, "may not do this (403)"),
        ({"/preupload/": 500}, 1, "The Hub answered 500"),
        ({"/preupload/": 0}, 1, "could not be uploaded"),
    ],
    ids=str,
)
def test_what_fails_is_told_and_the_folder_kept(fails, code, told, run, stand_in, monkeypatch, tmp_path):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # huggingface_hub tries again, later and later
    stand_in.fails = fails
    found, said = publish(run, tmp_path / "out", "--yes")
    assert (found, told in said) == (code, True), said
    assert "The folder is kept" in said
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert stand_in.files == {}


def test_a_hub_that_is_not_there_is_told(run, stand_in, tmp_path):
    stand_in.shutdown()
    stand_in.server_close()
    code, told = publish(run, tmp_path / "out", "--yes")
    assert code == 1
    assert "refused" in told
    assert "The folder is kept" in told


def test_nothing_is_sent_without_a_token_or_offline(run, stand_in, monkeypatch, tmp_path):
    for name, value, told in (
        ("HF_HUB_OFFLINE", "1", "The Hub is switched off The environment variable HF_HUB_OFFLINE is set."),
        ("HF_TOKEN", "", "There is no token for the Hub"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            code, said = publish(run, tmp_path / "out", "--yes")
            assert (code, told in said) == (2, True), said
    for name in ("mine", "a/b/c", "hub:me/mine", "me/..", "../mine", "me/mine.git", "me/"):
        done = sapo("publish", run.run_id, "--hub", name, "--yes")
        assert done.returncode == 2, name
        assert "name of a repository" in done.stderr, name
        assert "It has to be hub:" not in done.stderr, name
    assert stand_in.asked == []
    assert not (tmp_path / "out").exists()


def test_a_token_that_was_left_by_logging_in_is_used(run, stand_in, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    file = tmp_path / "hf" / "token"
    file.parent.mkdir()
    file.write_text(TOKEN)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "README.md").write_text("# it\n")
    stand_in.large = True
    # In a process of its own, as it is: what it is asked, and what it answers, has no token in it.
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    request = HubUploadRequest(folder=folder, repository="me/large", message="first")
    answer = client.ask(request)
    assert TOKEN not in request.to_json() + json.dumps(answer)
    assert answer["address"] == f"{stand_in.address}/me/large"
    assert stand_in.files["model.safetensors"] == b"weights"
    assert os.environ.get("HF_TOKEN") is None
