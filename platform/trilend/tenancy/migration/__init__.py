"""Brings schemas from one release to the next: steps, the fleet that takes them, and the proof that they are equal."""
