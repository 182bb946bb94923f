"""Doors to the outside world, each typed, each replaceable.

Belongs here: settings, the lake, the records, the embedded server, the inbox, vendors and brokers. Does not belong
here: arithmetic (``daybook``), and what runs when (``assets``, ``jobs``, ``sensors``, ``orchestration``).
"""
