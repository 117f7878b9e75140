"""What pages need is loaded before they are opened."""

from importlib import import_module

from sapo_ui.shell import warm_up


def test_every_module_that_is_loaded_ahead_is_there():
    for name in (*warm_up.BEHIND, *warm_up.IN_FRONT):
        assert import_module(name).__name__ == name


def test_a_window_loads_all_of_it_and_says_so(qtbot, monkeypatch, open_window):
    monkeypatch.setattr(warm_up, "SOON_MS", 1)
    monkeypatch.setattr(warm_up, "PAUSE_MS", 0)
    window = open_window()
    assert not window.warm_up.done
    told = []
    window.warm_up.ended.connect(lambda: told.append(window.warm_up.done))
    qtbot.waitUntil(lambda: told == [True])
