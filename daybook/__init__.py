"""Daybook: the investment mathematics and rules behind an end of day.

Belongs here: pure functions over frames and arrays. Does not belong here: Dagster, files, network, database, clock.
"""
