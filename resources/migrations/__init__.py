"""Alembic's scripts: every change ever made to the records. Run by ``resources.records``, never by hand."""
