"""Running loans: their events, their state, and the journals that follow from it."""
