"""Where sealed bytes are kept, by name: one interface, a local folder or an S3 bucket behind it."""
