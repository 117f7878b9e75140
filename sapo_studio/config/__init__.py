"""What a run is to do: the configuration, its presets and its forecast."""
