"""Benchmarks, each with both of its sides in one run; `make bench` prints the table and writes JSON."""
