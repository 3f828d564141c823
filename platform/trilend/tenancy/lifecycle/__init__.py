"""A tenant's life: which moves from state to state there are, who makes them, and the log of all that were made."""
