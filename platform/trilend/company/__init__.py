"""The company itself: its papers and their verification, its plan and what it uses, its domains."""
