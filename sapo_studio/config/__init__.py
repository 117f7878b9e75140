"""What a run is to do: the configuration, presets and overrides, the phases that follow, the engine's own limits.

Imports `domain` and the ground below it. Imported by everybody above, the engine included.
"""
