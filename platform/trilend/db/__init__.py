"""Engine, scopes, base classes and column types: how the platform talks to PostgreSQL."""
