"""The close of a business day: accrual, due, overdue, classification and provision."""
