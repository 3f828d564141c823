"""Double entry: accounts, and journals that balance and are never changed."""
