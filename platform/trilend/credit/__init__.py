"""The arithmetic of lending as pure functions of values: no database, no clock, no state of the process."""
