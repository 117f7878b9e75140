"""Taking files in and giving them back, by mouse: the dialogs for it. They say what would be done, and ask for it by
signals."""
