"""Tells programs of others what has happened in a company's business: signed, after commit, again until it arrives."""
