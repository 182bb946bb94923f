"""``daybook identify`` and ``daybook show prices --adjusted`` on a small market, without a day being computed."""

import io

import pandas as pd
import pytest

from tests.frames import frame, sessions

D0, D1, D2, D3 = "2022-06-07", "2022-06-08", "2022-06-09", "2022-06-10"
FILES = {
    f"instruments_{D0}.csv": "instrument,name,asset_class,currency,exchange,issuer,sector\n"
    "OLD,Old Facebook,equity,USD,XNYS,,\nI1,Meta Platforms,equity,USD,XNAS,Instagram,Media\n"
    "N,Spun,equity,USD,XNYS,,\nLON,Londoner,equity,GBP,XLON,,\n",
    f"identifiers_{D0}.csv": "instrument,scheme,exchange,value,valid_from,valid_to\n"
    f"OLD,ticker,XNYS,FB,1999-09-29,2003-03-28\nI1,ticker,XNAS,FB,2012-05-18,{D1}\nI1,ticker,XNAS,META,{D2},\n"
    "LON,ticker,XLON,FB,2000-01-03,\n",
    f"issuers_{D0}.csv": "issuer,valid_from,parent,country_of_risk\n"
    f"Instagram,2012-09-06,Facebook,US\nFacebook,{D2},Meta,\n",
    f"corporate_actions_{D0}.csv": "action_id,instrument,kind,ex_date,numerator,denominator,amount,new_instrument\n"
    f"R,I1,rename,{D2},,,,\nS,I1,split,{D1},7,1,,\nD,I1,cash_dividend,{D2},,,1.1,\nP,I1,spin_off,{D3},1,2,,N\n",
}
PRICES = [(D0, "I1", 70.0), (D1, "I1", 11.0), (D2, "I1", 11.0), (D3, "I1", 9.0), (D3, "N", 4.0), (D0, "LON", 5.0)]


@pytest.fixture
def market(daybook, tmp_path, lake):
    """The command, on an installation that has taken ``FILES`` in and computed ``PRICES``."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    assert daybook("ingest", *(str(tmp_path / name) for name in FILES))[0] == 0
    rows = frame("prices", "business_date instrument close status", *[(*row, "ok") for row in PRICES])
    lake.write("prices", rows, sessions(D0, D1, D2, D3))
    return daybook


def test_closes_as_they_are_and_in_the_terms_of_any_date(market):
    def closes(*words):
        code, out, err = market("show", "prices", "--instrument", "I1", "--format", "csv", *words)
        assert code == 0, err
        return pd.read_csv(io.StringIO(out), keep_default_na=False)

    assert closes()["close"].tolist() == [70.0, 11.0, 11.0, 9.0]
    adjusted = closes("--adjusted", "price")
    assert list(adjusted.columns) == ["business_date", "instrument", "close", "factor", "currency", "reason"]
    # Half of 4 on the close of 9: one unit before is 11 / 9 after; +10 % on the split.
    assert adjusted["close"].tolist() == pytest.approx([10 * 9 / 11, 9.0, 9.0, 9.0])
    assert closes("--adjusted", "price", "--as-of", D0)["close"].tolist() == pytest.approx([70, 77, 77, 77])
    assert closes("--adjusted", "total", "--as-of", D1, "--date", D2)["close"].tolist() == pytest.approx([12.1])
    assert closes("--adjusted", "total", "--as-of", "2022-06-11", "--date", D3)["close"].tolist() == [9.0]
    assert closes("--adjusted", "price", "--date", D1, "--as-of", D0)["factor"].tolist() == [7.0]
    code, out, _ = market("show", "prices", "--adjusted", "price", "--format", "csv", "--date", D0)
    assert (code, sorted(pd.read_csv(io.StringIO(out))["instrument"])) == (0, ["I1", "LON"])


def test_a_series_as_known_before_anybody_knew_of_the_split(daybook, tmp_path, monkeypatch):
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    files = {
        f"instruments_{D0}.csv": "instrument,currency\nI1,USD\n",
        f"prices_{D1}.csv": "business_date,instrument,close,known_at\n"
        f"{D0},I1,70,{D0}T21:00:00Z\n{D1},I1,11,{D1}T21:00:00Z\n",
        f"corporate_actions_{D2}.csv": "action_id,instrument,kind,ex_date,numerator,denominator,known_at\n"
        f"S,I1,split,{D1},7,1,{D2}T09:00:00Z\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert daybook("ingest", *(str(tmp_path / name) for name in files))[0] == 0
    series = f"show prices --adjusted price --date {D0} --as-of {D1} --instrument I1 --format csv".split()
    for instant, close in ((f"{D1}T22:00:00Z", 70.0), (f"{D2}T10:00:00Z", 10.0)):
        code, out, err = daybook(*series, "--known-at", instant)
        assert code == 0, err
        assert pd.read_csv(io.StringIO(out))["close"].tolist() == [close]


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        ("nav --adjusted price", 2, "only prices can be adjusted, not nav"),
        ("raw_prices --as-of 2022-06-08", 2, "only prices can be adjusted, not raw_prices"),
        ("prices --as-of 2022-06-08", 2, "give --adjusted price or total too"),
        ("nav --instrument I1", 2, "nav has no column instrument"),
        ("prices --book B", 2, "prices has no column book"),
        ("prices --adjusted price --known-at 2022-06-08", 2, "name it with --date"),
        ("prices --instrument FB --adjusted total", 1, "`daybook identify FB` tells who goes by that name"),
    ],
)
def test_what_cannot_be_shown(daybook, words, code, reason):
    found = daybook("show", *words.split())
    assert (found[0], found[1]) == (code, "")
    assert reason in " ".join(found[2].split())


def test_a_name_leads_to_who_had_it_on_the_date(market):
    def named(value, *words):
        code, out, err = market("identify", value, "--format", "csv", *words)
        return (code, pd.read_csv(io.StringIO(out), keep_default_na=False) if out else err)

    code, found = named("FB", "--date", D1, "--exchange", "XNAS")
    assert (code, found["instrument"].tolist()) == (0, ["I1"])
    row = found.iloc[0]
    assert (row["name"], row["issuer"], row["ultimate_parent"]) == ("Meta Platforms", "Instagram", "Facebook")
    assert (row["currency"], row["sector"], row["country_of_risk"]) == ("USD", "Media", "US")
    assert named("META", "--date", D2)[1]["ultimate_parent"].tolist() == ["Meta"], "the group of that date"
    assert named("I1", "--date", D2)[1]["instrument"].tolist() == ["I1"]
    assert named("FB", "--date", D1)[1]["instrument"].tolist() == ["I1", "LON"], "one on each exchange"
    assert named("FB", "--date", "2003-03-28", "--exchange", "XNYS")[1]["instrument"].tolist() == ["OLD"]
    code, said = named("FB", "--date", "2008-01-02", "--exchange", "XNYS")
    assert code == 1
    assert "at other times: OLD (ticker from 1999-09-29 to 2003-03-28)" in " ".join(said.split())
    assert named("I1", "--scheme", "isin")[0] == 1
    assert named("FB", "--scheme", "name")[0] == 2


def test_all_names_and_the_actions_on_them_are_told(market):
    code, out, err = market("identify", "I1")
    assert (code, err) == (0, "")
    words = out.split()
    for expected in ("META", "FB", D1, D2, "rename", "spin_off", "Instagram", "Meta"):
        assert expected in words
    assert "dividend" not in out, "it is none of its names"
    _, out, _ = market("identify", "META")
    assert "others" not in out
    _, out, _ = market("identify", "FB", "--exchange", "XNAS", "--date", D1)
    assert "others" not in out
    _, out, _ = market("identify", "FB", "--date", D2)
    assert "others that FB has named: OLD (ticker from 1999-09-29 to 2003-03-28), I1" in " ".join(out.split())
