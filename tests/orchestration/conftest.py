"""The ``daybook`` command on an installation of its own, and the files of a small firm."""

import os
import sys
from collections.abc import Callable
from unittest import mock

import pytest

from tests.orchestration.small_firm import files

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def daybook(settings, capsys) -> Command:
    """Runs ``daybook WORDS`` as ``user``: exit code, standard output, standard error."""
    from orchestration import cli

    def run(*words: str, user: str = "tester") -> tuple[int, str, str]:
        capsys.readouterr()
        with (
            mock.patch.dict(os.environ, {"DAYBOOK_USER": user, "COLUMNS": "200"}),
            mock.patch.object(sys, "argv", ["daybook", *words]),
            pytest.raises(SystemExit) as ended,
        ):
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def firm(monkeypatch) -> dict[str, str]:
    """The files, by name, of the small firm, which nothing else feeds."""
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    return files()
