"""The sections of a configuration, a file each. `sapo_studio/config/schema.py` puts them together as RunConfig."""
