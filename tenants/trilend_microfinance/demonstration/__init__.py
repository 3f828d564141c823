"""A demo microfinance company: the sample workbook, some of it lent out and half paid back."""
