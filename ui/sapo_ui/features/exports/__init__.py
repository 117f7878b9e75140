"""Tables of a run for other programs, by mouse."""
