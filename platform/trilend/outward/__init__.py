"""The way to hosts that somebody outside of the platform has named, and never into our own network."""
