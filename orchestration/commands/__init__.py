"""The commands of ``daybook``, one file each."""
