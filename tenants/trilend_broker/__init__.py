"""The broker kind (助贷): finds and prepares borrowers for licensed lenders."""
