"""What F1 says on the Compare page."""

HELP = """### Compare

Picked runs beside each other. Pick a run with **Space** in the list of runs, by its menu, by dragging it here, or with
**Add run**. Each keeps its colour while it is picked; the list shows it as a bar. Up to six lines can be told apart;
**Group seeds** draws runs that differ in nothing but their seed as one line, with their mean and its interval.

**Curves.** Up and Down put a line into focus, and so does the pointer: its 95 % interval is then drawn. Left and Right
read the values of an iteration. FLOPs are those of the method, without measuring it. Dotted ends: still running. Hollow
squares: the paper\u2019s own figure, where task, model and method are the paper\u2019s.

**Configuration.** Keys that differ; values unlike the baseline\u2019s stand on a tint. **d** shows equal ones.

**At the last iteration.** Intervals are 95 %. Differences are paired over the same questions: McNemar\u2019s exact
test for greedy answers, a paired bootstrap for sampled ones, p corrected for the number of tests (Holm). Where runs
answer different questions there is no pairing, and only those that both have can be compared.

**Question by question.** **j** and **k** go through the questions, **Enter** opens both solutions beside each
other, the first step that differs with a ring; from there **Read** opens one on its run\u2019s page.

**b** makes the run in focus the baseline. The right mouse button saves a chart; **Export** saves the numbers.
"""

KEYS = "Space picks \u00b7 b baseline \u00b7 d equal keys \u00b7 j k question \u00b7 Enter both traces \u00b7 F1 help"
"""What the line at the bottom says."""
