"""The Preferences panel: the margins of the preference pairs, the threshold eta among them, and the two solutions of
each pair. Moving the threshold shows what another value would leave; it changes nothing of the run."""
