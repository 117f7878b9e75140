"""The process that compares what is hard to compare: `[answer, reference]` in, whether they are equal out."""

from __future__ import annotations

from sapo_engine.grading.apart import serve
from sapo_engine.grading.equality import equal_apart

if __name__ == "__main__":
    serve(lambda pair: equal_apart(*pair))
