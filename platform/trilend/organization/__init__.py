"""The departments of a company, who works where, and what a person may therefore see of the business."""
