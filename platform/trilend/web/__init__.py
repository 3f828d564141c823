"""The shell around every page: theme, widgets, languages, security headers and error pages."""
