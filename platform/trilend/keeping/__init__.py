"""What becomes of stored files: which are there, how long each has to be kept, and which are under a legal hold."""
