"""The guarantee kind (融资担保): guarantees a debtor's loan at a bank."""
