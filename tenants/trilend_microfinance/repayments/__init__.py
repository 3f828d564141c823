"""Money from borrowers: matched from the statement, agreed prepayments, settlement."""
