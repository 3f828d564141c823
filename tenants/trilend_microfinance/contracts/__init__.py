"""The loan contract: typeset, disclosed, sealed and signed."""
