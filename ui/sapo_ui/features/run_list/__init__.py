"""The list of runs on the left: model, delegate and the column around them. It says which run is chosen and knows
nothing of what is done to it."""
