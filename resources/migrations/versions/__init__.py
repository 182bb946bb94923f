"""One module a change, named by its revision."""
