"""The book of record: transactions, lots, cash, positions, valuation, NAV, P&L, reconciliation."""
