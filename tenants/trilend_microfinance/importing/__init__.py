"""Applications from a workbook: good rows in, bad rows back with the reason."""
