"""Mail and short messages to people outside the web pages."""
