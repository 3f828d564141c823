"""`python -m trilend.cli` is the command `trilend`."""

from trilend.cli.main import main

main()
