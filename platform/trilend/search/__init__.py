"""One box that finds records by names, pinyin and numbers."""
