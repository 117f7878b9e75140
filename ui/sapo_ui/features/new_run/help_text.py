"""What F1 says of the New run page."""

from __future__ import annotations

HELP = """### New run

Choose a **preset**, change what you like, press **Start run** (Ctrl+Enter). `lab-smoke` ends in seconds, `lab-demo` in
minutes, `lab-full` trains its reasoner from scratch; the others are for real models on two 24 GB GPUs.

**Find**: Ctrl+F searches all settings by name, key and help. The index at the left says for each section whether it is
as the preset has it, how many of its values are changed, and whether one is wrong; Alt+Up and Alt+Down go from section
to section. *All settings* shows every one that has an effect with the other values.

**Each row** has one line about its value. A dot and a bold name mark what differs from the preset; the arrow at the end
brings the preset's value back. A **wrong value** is told in the same line, with a button for one that would do; F8 goes
to the next. The whole help of the setting that has the focus stands below.

**Before Start**, the model is looked into (parameters, context, chat template, what is missing) and the data are read
as soon as you leave their field: examples cut up into steps, and each gold answer graded against itself.

**Cards**: tick those that the run is to work on. One that is too small cannot be ticked.

The **forecast** is of memory, time and rollouts: hover a figure for what it is made of. It warns where a memory is too
small and says what would help. Packages that are missing stand above it, with the command that installs them.

**Drop** a JSONL file, a model folder, a GGUF or a TOML file on the page. **Escape** leaves the form and keeps it as a
draft; it is there again the next time, also after a restart.
"""
