"""Market data: security master, golden prices, FX, corporate actions, quality."""
