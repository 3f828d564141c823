"""What auditors do with the log: read it, check its chain, have its end signed every day, take it out."""
