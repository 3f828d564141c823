"""A company in one file: carried out, carried in elsewhere, brought back from the past, and closed."""
