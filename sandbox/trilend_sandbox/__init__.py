"""Sandbox servers that behave like the real outside ones; they share no code with platform or plugins."""
