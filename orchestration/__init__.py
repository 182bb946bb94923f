"""The assembly: definitions, schedules, and the ``daybook`` command."""
