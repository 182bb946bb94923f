"""Scenarios, value at risk and its proof, stress, exposures, limits."""
