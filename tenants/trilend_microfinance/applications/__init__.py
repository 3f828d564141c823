"""From submission to decision: limits, all-in cost, and approval by a second person."""
