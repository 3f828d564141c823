"""Background work: rows that outlive a crash, sent to workers after commit, run under a lease."""
