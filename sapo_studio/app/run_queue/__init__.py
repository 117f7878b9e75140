"""The queue of runs as people and programs use it: putting runs in, what they need, what the machine has, and the
process that starts them."""
