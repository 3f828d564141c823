"""All code of the platform, read once by the process from which those to be killed are forked."""

import trilend.app
import trilend.cli.serve
import trilend.jobs.processes
import trilend.wiring

trilend.wiring.load()
