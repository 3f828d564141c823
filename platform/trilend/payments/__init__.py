"""Money through banks: instructions out, each executed once, and statements in, each entry read once."""
