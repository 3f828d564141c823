"""Conformance suites: test classes that a plugin author's own tests inherit; they need pytest."""
