"""Intake: from the bytes of a delivered file to typed facts, and to the rows that are no facts with their reasons.

Belongs here: file names, reading CSV and Parquet, the checks of one file against what is known already. Does not
belong here: where files lie and where facts are kept (``resources.inbox``), and judging facts against each other once
they are in (``daybook.market.quality``).
"""
