"""Lists as all pages show them: filters, sorting, pages, columns, saved filters, acts on many rows, export."""
