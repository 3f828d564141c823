"""Money to borrowers: each transfer once."""
