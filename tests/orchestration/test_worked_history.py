"""docs/books.md is a script: its files are delivered, its commands typed, and its tables are what they print."""

import io
import re
from pathlib import Path

import pandas as pd
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "books.md"
FILE = re.compile(r"^`([a-z_]+_\d{4}-\d\d-\d\d\w*\.csv)`")
FENCE = "```"


def retyped(page, daybook, inbox):
    """``page`` with every table made again: the rows below a header are those of the command above it."""
    lines, out, shown, named = iter(page.split("\n")), [], None, None
    for line in lines:
        out.append(line)
        if match := FILE.match(line):
            named = match[1]
        elif line == FENCE:
            block = list(iter(lambda: next(lines), FENCE))
            out += [*block, FENCE]
            if named is not None:
                (inbox / named).write_text("\n".join(block) + "\n")
                named = None
            else:
                shown = [typed(command, daybook) for command in block][-1]
        elif line.startswith("|---"):
            header = [cell.strip() for cell in out[-2].strip("|").split("|")]
            out += ["| " + " | ".join(row) + " |" for row in shown[header].itertuples(index=False)]
            line = next(lines)
            while line.startswith("|"):
                line = next(lines)
            out.append(line)
    return "\n".join(out)


def typed(command, daybook):
    """The table that a command shows; every command must end well."""
    prompt, program, *words = command.split()
    assert (prompt, program) == ("$", "daybook")
    shows = words[0] == "show"
    code, said, err = daybook(*words, *(["--format", "csv"] if shows else []))
    assert code == 0, (command, said, err)
    return pd.read_csv(io.StringIO(said), dtype="str", keep_default_na=False) if shows else None


@pytest.mark.soak
def test_the_page_is_what_the_commands_print(daybook, settings, monkeypatch, tmp_path):
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    inbox = settings.home / "inbox"
    inbox.mkdir()
    page = PAGE.read_text()
    again = retyped(page, daybook, inbox)
    (tmp_path / "books.md").write_text(again)
    assert again == page, f"docs/books.md is not what the commands print: see {tmp_path / 'books.md'}"


@pytest.mark.parametrize(
    ("figure", "worked"),
    [
        # Worked by hand: 300 x 40 + 9; the cost of 200 of these 300; 200 x 46 - 8 less that cost.
        ("12009.0", 300 * 40 + 9),
        ("8006.0", 12009 * 200 / 300),
        ("1186.0", 200 * 46 - 8 - 8006),
        # 800 and 400 shares x 0.50 less 15 %.
        ("340.0", 800 * 0.5 * 0.85),
        ("170.0", 400 * 0.5 * 0.85),
        # At the end: 400 ACME at 26, 100 VOW at 124 EUR, and 20,000 - 100 x 121 - 12 EUR left.
        ("7888.0", 20_000 - 100 * 121 - 12),
        ("103852.28", round(400 * 26 + (100 * 124 + 7888) * 1.06 + 71947, 2)),
    ],
)
def test_figures_worked_by_hand_are_on_the_page(figure, worked):
    assert f"| {figure} |" in PAGE.read_text()
    assert float(figure) == worked
