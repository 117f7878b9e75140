"""The store itself: its backups, and other data folders."""
