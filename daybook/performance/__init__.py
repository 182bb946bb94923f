"""Returns of books and benchmarks."""
