"""``daybook limits`` on the real records: list, answer, and who said what; how a limit was used."""

import pandas as pd

from daybook import tables
from resources.breaches import Breaches
from tests.frames import frame

DAY = pd.Timestamp("2020-01-31")


def test_a_breach_is_listed_answered_and_shown(daybook, engine, lake):
    usage = frame(
        "limit_usage",
        "business_date book limit measure basis value threshold utilisation reached status",
        (DAY, "b", "LEV", "gross", "nav", 1.3, 1.0, 1.3, "hard", "breach"),
    )
    lake.write("limit_usage", usage, [f"{DAY:%Y-%m-%d}"])
    nav = frame("nav", "business_date book nav status", (DAY, "b", 1.0, "ok"))
    Breaches(engine).record(usage, tables.empty("limits"), nav, DAY)
    name = Breaches(engine).frame()["breach_id"][0]
    code, out, _ = daybook("limits", "list")
    assert code == 0
    assert name in out
    assert "open" in out
    assert daybook("limits", "acknowledge", name, "--comment", "selling", user="ann")[1].strip() == "acknowledged: 1"
    assert daybook("limits", "acknowledge", name, "--comment", "selling", user="ann")[1].strip() == "acknowledged: 0"
    assert daybook("limits", "comment", name, "--comment", "half is sold", user="bob")[1].strip() == "commented: 1"
    assert "ann" in daybook("limits", "list", "--book", "b")[1]
    told = daybook("limits", "show", name)[1]
    assert all(word in told for word in ("opened", "acknowledged", "selling", "commented", "half is sold", "bob"))
    assert "1.3" in daybook("limits", "history", "LEV", "--book", "b", "--from", "2020-01-01")[1]
    assert name in daybook("show", "breaches", "--format", "csv")[1]
    code, _, err = daybook("limits", "acknowledge", "B0", "--comment", "x")
    assert (code, err.count("\n")) == (1, 1)
    assert "breach B0 is not known" in err
    code, _, err = daybook("limits", "history", "NONE")
    assert (code, "there is no limit 'NONE'" in err) == (2, True)
