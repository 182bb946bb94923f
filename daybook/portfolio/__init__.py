"""What a book should hold, and what to trade for it."""
