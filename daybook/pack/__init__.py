"""The end-of-day pack: one self-contained HTML page for the firm and one for each book.

Belongs here: what a page says and how it looks. Does not belong here: the figures themselves (the other rooms of
``daybook/``), reading tables or writing files (``assets/pack.py``).
"""
