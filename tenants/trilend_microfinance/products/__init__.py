"""What the company lends: methods, day counts, rounding and bounds of its loans."""
