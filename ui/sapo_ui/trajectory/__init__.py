"""Qt item models over the store: they hold ids and fetch what is seen, in the background."""
