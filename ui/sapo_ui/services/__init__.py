"""What all screens share and none draws: background tasks, the poller of the store, control of runs, actions, settings,
annotations. No widget lives here."""
