"""Desktop notifications."""

from sapo_studio.domain.runs import RunStatus
from sapo_ui.services.poller import StoreChange
from sapo_ui.shell.notify import notifications


def test_notices_tell_of_runs_that_ended_by_themselves(make_run):
    before = {"a-1": RunStatus.RUNNING, "b-2": RunStatus.RUNNING, "c-3": RunStatus.RUNNING, "d-4": RunStatus.DONE}
    now = (
        make_run(1, "a", "done", headline={"sampled_accuracy": 0.5}, active_seconds=120),
        make_run(2, "b", "failed"),
        make_run(3, "c", "stopped"),
        make_run(4, "d", "done"),
    )
    told = notifications(before, StoreChange(now, frozenset()))
    assert [(notification.run_id, notification.bad) for notification in told] == [("a-1", False), ("b-2", True)]
    assert told[0].text == "Sampled accuracy 50.0\u202f%. Took 2\u202fmin."
