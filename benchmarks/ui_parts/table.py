"""The trace table over a large run: opening, scrolling, orders, filters, search; each beside its own SQL."""

from __future__ import annotations

import time
from dataclasses import replace

from sapo_studio.store import queries, text_search
from sapo_studio.store.db import Store
from sapo_studio.store.records import TraceFilter
from sapo_ui.features.traces.panel import TracesPanel
from sapo_ui.services import tasks
from ui_parts.large_store import NEEDLE
from ui_parts.measure import Report, cpu_ms, frames, until

NEWEST = "(SELECT max(n.verifier) FROM scores n WHERE n.trajectory_id = t.id)"
BY_MEAN = (
    f"SELECT t.id FROM trajectories t LEFT JOIN scores s ON s.trajectory_id = t.id AND s.verifier = {NEWEST}"
    " WHERE t.run_id = ? AND t.source = 'sample' ORDER BY s.mean ASC NULLS LAST, t.id"
)
WRONG = "SELECT t.id FROM trajectories t WHERE t.run_id = ? AND t.source = 'sample' AND t.correct = 0 ORDER BY t.id"


def measure(store: Store, run_id: str) -> Report:
    """All of it, on the store's run."""
    tasks.start(store.path)
    panel = TracesPanel()
    panel.resize(1200, 440)
    panel.show()
    panel.show_run(run_id)
    report: Report = {"open_wall_ms": until(lambda: len(panel.model.ids) > 0), "rows": len(panel.model.ids)}
    bar = panel.table.verticalScrollBar()

    def scroll(at: int) -> None:
        bar.setValue((at * 7919 + 1) % max(1, bar.maximum()))
        panel.table.viewport().repaint()

    report["scroll"] = frames(scroll)
    for name, asked, sql in (
        ("sort", TraceFilter(run_id, sort="mean"), BY_MEAN),
        ("filter", TraceFilter(run_id, outcome="wrong"), WRONG),
    ):
        plain = cpu_ms(lambda sql=sql: store.rows(sql, (run_id,)), 3)
        ours = cpu_ms(lambda asked=asked: queries.trace_ids(store, asked), 3)
        report[name] = {"ms": ours, "sql_ms": plain, "ratio": round(ours / plain, 2)}
    needle, number = TraceFilter(run_id, text=NEEDLE), TraceFilter(run_id, text="17 * 28 = 476")
    looked = {"needle": cpu_ms(lambda: queries.trace_ids(store, needle), 1)}
    begin = time.thread_time()
    while text_search.index_run(store, run_id):
        pass
    seconds = time.thread_time() - begin
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    report["index"] = {
        "seconds": round(seconds, 1),
        "us_a_trajectory": round(1e6 * seconds / report["rows"], 1),
        "megabytes": round(store.path.with_name("search.db").stat().st_size / 1e6, 1),
        "store_megabytes": round(store.path.stat().st_size / 1e6, 1),
    }
    for name, asked in (("needle", needle), ("number", number), ("common", replace(needle, text="shells"))):
        found = len(queries.trace_ids(store, asked))
        report[f"search_{name}"] = {"hits": found, "ms": cpu_ms(lambda asked=asked: queries.trace_ids(store, asked), 3)}
    common = TraceFilter(run_id, text="shells")
    report["search_common"]["first_hits_ms"] = cpu_ms(lambda: queries.first_hits(store, common, 200), 3)
    report["search_needle"]["without_index_ms"] = looked["needle"]
    panel.filters.search.setText(NEEDLE)
    hits = report["search_needle"]["hits"]
    report["search_needle"]["typed_to_shown_wall_ms"] = until(lambda: len(panel.model.ids) == hits)
    panel.deleteLater()
    return report
