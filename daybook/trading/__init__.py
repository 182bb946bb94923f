"""Orders from proposal to fill."""
