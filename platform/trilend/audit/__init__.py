"""Who did what, when and why: an append-only log of each tenant."""
