"""`python -m trilend_sandbox.bank`: run the sandbox bank."""

import sys

from trilend_sandbox.bank.server import main

sys.exit(main())
