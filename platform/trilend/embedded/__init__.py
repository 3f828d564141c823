"""The whole platform on one machine: database, broker, sandbox servers, web, worker and beat under one process."""
