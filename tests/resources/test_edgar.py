import json
from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import pandas as pd
import pytest

from resources.facts import Facts
from resources.inbox import Inbox
from resources.settings import SettingsError
from resources.settings import settings as read_settings
from resources.vendors import vendors
from resources.vendors.edgar import EdgarDataError, EdgarVendor

Q1, HALF, YEAR = ("2022-01-01", "2022-03-31"), ("2022-01-01", "2022-06-30"), ("2021-07-01", "2022-06-30")


def figure(end, val, filed, start=None, form="10-Q", accn="0000000001-22-000001"):
    told = {"end": end, "val": val, "accn": accn, "fy": 2022, "fp": "FY", "form": form, "filed": filed}
    return told if start is None else {"start": start, **told}


def company(folder, cik, *, taxonomy="us-gaap", **tags):
    """A file of company facts: tag -> {unit: figures}."""
    concepts = {tag: {"label": None, "description": None, "units": units} for tag, units in tags.items()}
    told = {"cik": cik, "entityName": "A company", "facts": {taxonomy: concepts}}
    path = folder / f"CIK{cik:010d}.json"
    path.write_text(json.dumps(told))
    return path


def vendor(folder):
    return EdgarVendor(replace(read_settings(), edgar_data=folder))


def rows(folder, after=None, through=None):
    source = vendor(folder)
    files = source.deliver(after, source.last_session() if through is None else pd.Timestamp(through))
    frames = [pd.read_csv(BytesIO(data), dtype="str", keep_default_na=False) for _, data in files]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def told(folder, *columns):
    return [tuple(row) for row in rows(folder)[list(columns)].itertuples(index=False)]


def test_quarter_half_year_and_year_that_end_on_one_day_are_different_fields(tmp_path):
    spans = [("2022-04-01", "2022-06-30"), HALF, ("2021-10-01", "2022-06-30"), YEAR, ("2022-06-22", "2022-06-30")]
    figures = [figure(end, at, "2022-08-01", start) for at, (start, end) in enumerate(spans)]
    company(tmp_path, 7, Revenues={"USD": figures}, Assets={"USD": [figure("2022-06-30", 9, "2022-08-01")]})
    assert dict(told(tmp_path, "field", "value")) == {
        "us-gaap:Revenues.3M": "0",
        "us-gaap:Revenues.6M": "1",
        "us-gaap:Revenues.9M": "2",
        "us-gaap:Revenues.12M": "3",
        "us-gaap:Revenues.9D": "4",
        "us-gaap:Assets": "9",
    }


@pytest.mark.parametrize(
    ("start", "end", "length"),
    [
        ("2021-09-26", "2022-09-24", "12M"),  # 52 weeks
        ("2022-09-25", "2023-09-30", "12M"),  # 53 weeks
        ("2022-09-25", "2022-12-31", "3M"),  # 14 weeks
        ("2022-02-01", "2022-02-28", "1M"),
        ("2022-01-01", "2022-01-15", "15D"),
        ("2022-01-01", "2022-01-16", "1M"),
    ],
)
def test_weeks_are_counted_as_the_months_that_they_stand_for(tmp_path, start, end, length):
    company(tmp_path, 7, Revenues={"USD": [figure(end, 1, "2024-01-02", start)]})
    assert told(tmp_path, "field", "period_start") == [(f"us-gaap:Revenues.{length}", start)]


def test_a_unit_other_than_usd_is_part_of_the_field(tmp_path):
    figures = [figure("2022-06-30", 1, "2022-08-01", "2022-04-01")]
    company(tmp_path, 7, Sales={"USD": figures, "EUR": figures}, Eps={"USD/shares": figures})
    assert sorted(told(tmp_path, "field", "unit")) == [
        ("us-gaap:Eps.3M.USD/shares", "USD/shares"),
        ("us-gaap:Sales.3M", "USD"),
        ("us-gaap:Sales.3M.EUR", "EUR"),
    ]


def test_a_repeat_says_nothing_new_and_every_change_does(tmp_path):
    filed = [("2022-05-02", 5), ("2022-08-01", 5), ("2022-11-01", 6), ("2023-02-01", 6.0), ("2023-05-01", 5)]
    figures = [figure("2022-03-31", value, day) for day, value in filed]
    company(tmp_path, 7, Assets={"USD": figures[::-1]})
    assert told(tmp_path, "published_at", "value") == [
        ("2022-05-03T02:00:00Z", "5"),
        ("2022-11-02T02:00:00Z", "6"),
        ("2023-05-02T02:00:00Z", "5"),
    ]


def test_filings_of_one_day_that_agree_are_one_row_and_those_that_do_not_are_all_told(tmp_path):
    same = [figure("2022-03-31", 5, "2022-05-02", form=form, accn=form) for form in ("10-Q", "10-K/A")]
    other = [figure("2022-03-31", value, "2022-05-02", accn=str(value)) for value in (1, 2)]
    company(tmp_path, 7, Assets={"USD": same}, Debt={"USD": other})
    assert sorted(told(tmp_path, "field", "value", "form")) == [
        ("us-gaap:Assets", "5", "10-K/A"),
        ("us-gaap:Debt", "1", "10-Q"),
        ("us-gaap:Debt", "2", "10-Q"),
    ]


def test_a_filing_is_public_when_edgar_closes_summer_and_winter(tmp_path):
    figures = [figure("2022-03-31", 5, "2022-07-01"), figure("2022-03-31", 6, "2022-12-01")]
    company(tmp_path, 7, Assets={"USD": figures})
    assert [at for (at,) in told(tmp_path, "published_at")] == ["2022-07-02T02:00:00Z", "2022-12-02T03:00:00Z"]
    assert vendor(tmp_path).last_session() == pd.Timestamp("2022-12-02")


def test_a_span_cut_into_deliveries_gives_the_same_facts_and_the_same_bytes(tmp_path):
    figures = [figure("2022-03-31", at % 3, f"2022-{at:02d}-15") for at in range(4, 13)]
    company(tmp_path, 7, Assets={"USD": figures})
    company(tmp_path, 8, Assets={"USD": [figure("2022-03-31", 5, "2022-06-14")]})
    whole = rows(tmp_path)
    cuts = [None, *pd.to_datetime(["2022-06-15", "2022-06-16", "2022-09-30", "2022-12-16"])]
    parts = [rows(tmp_path, after, through) for after, through in pairwise(cuts)]
    key = ["cik", "published_at"]
    pd.testing.assert_frame_equal(
        pd.concat(parts).sort_values(key, ignore_index=True), whole.sort_values(key, ignore_index=True)
    )
    assert list(vendor(tmp_path).deliver(*cuts[2:4])) == list(vendor(tmp_path).deliver(*cuts[2:4]))
    names = [name for name, _ in vendor(tmp_path).deliver(None, pd.Timestamp("2022-06-30"))]
    assert names == [f"fundamentals_2022-06-30_edgar-000000000{cik}.csv" for cik in (7, 8)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"cik": 7, "facts": {"us-gaap": {"Assets": {"units": {"USD": [{"filed": "2022-', "does not end as JSON does"),
        ("<html></html>", "does not end as JSON does"),
        ('{"cik": 7,\n "facts": {"filed": "2022-01-03",}}', "line 2, column"),
        ('{"cik": 8, "facts": {"x": {"filed": "2022-01-03"}}}', "cik is 0000000008, but the name of the file says"),
        ('{"cik": 7, "facts": {"x": [{"filed": "2022-01-03"}]}}', "x: .* stands where names and values should"),
        (
            '{"cik": "0000000007", "facts": {"x": {"T": {"units": {"USD": [{"filed": "2022-01-03"}, {"end": "?"}]}}}}}',
            "x:T, USD, figure 2: has no date `filed`",
        ),
        ('{"cik": 7, "facts": {"x": {"filed": "3 January"}}}', "filed: '3 January' is not a date"),
        ('{"a":' * 100_000 + '"filed": "2022-01-03"}', ".*recursion"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_place(tmp_path, text, said):
    (tmp_path / "CIK0000000007.json").write_text(text)
    with pytest.raises(EdgarDataError, match=rf"CIK0000000007\.json: {said}"):
        rows(tmp_path)


def test_what_says_nothing_is_no_error(tmp_path):
    concepts = {"NoUnits": {"label": "x"}, "Null": None, "Assets": {"units": {"USD": [], "EUR": None}}}
    (tmp_path / "CIK0000000007.json").write_text(json.dumps({"cik": 7, "facts": {"us-gaap": concepts, "dei": {}}}))
    (tmp_path / "CIK0000000009.json").write_text('\ufeff{"cik": 9, "entityName": "", "facts": {}}\n')
    (tmp_path / "readme.txt").write_text("not a company")
    with pytest.raises(EdgarDataError, match=r"there is no CIK##########\.json with a figure"):
        vendor(tmp_path).last_session()
    company(tmp_path, 8, Assets={"USD": [figure("2022-03-31", 5, "2022-06-14")]})
    assert told(tmp_path, "cik", "value") == [("8", "5")]


def test_the_folder_is_a_setting_without_default(tmp_path, monkeypatch):
    monkeypatch.setenv("DAYBOOK_VENDORS", "edgar")
    with pytest.raises(SettingsError, match="DAYBOOK_EDGAR_DATA is not set"):
        vendors(read_settings())
    monkeypatch.setenv("DAYBOOK_EDGAR_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=r"DAYBOOK_EDGAR_DATA='.*nowhere' is not a folder"):
        vendors(read_settings())
    monkeypatch.setenv("DAYBOOK_EDGAR_DATA", str(tmp_path))
    assert isinstance(vendors(read_settings())["edgar"], EdgarVendor)


def test_figures_wait_for_the_company_s_cik_and_odd_ones_are_quarantined_by_line(tmp_path, settings, lake, engine):
    folder = tmp_path / "edgar"
    folder.mkdir()
    figures = [
        figure("2022-03-31", "5.5", "2022-05-02"),
        figure("2022-06-30", "about 6", "2022-08-01"),
        figure("2022-06-30", 7, "2022-08-02", start="2022-09-30"),
        figure(None, 8, "2022-08-03"),
        figure("2022-09-30", None, "2022-11-01"),
    ]
    company(folder, 320193, Assets={"USD": figures})
    inbox = Inbox(settings, lake, engine)
    source = vendor(folder)
    inbox.deliver_all(source.deliver(None, source.last_session()))
    waiting = inbox.entries()
    assert (waiting["waits_for"] == "cik:320193").sum() == 1, "rows at fault elsewhere do not wait"
    columns = "instrument,scheme,exchange,valid_from,value"
    inbox.deliver("instruments_2022-11-02.csv", b"instrument,currency,asset_class\nAAPL,USD,equity\n")
    inbox.deliver("identifiers_2022-11-02.csv", f"{columns}\nAAPL,cik,XNAS,1990-01-02,0000320193\n".encode())
    known = Facts(settings, lake, engine).current("fundamentals")
    assert known[["instrument", "field", "value", "file", "line"]].to_numpy().tolist() == [
        ["AAPL", "us-gaap:Assets", 5.5, "fundamentals_2022-11-02_edgar-0000320193.csv", 2]
    ]
    left = inbox.entries()
    left = left[left["column"] != "cik"]
    assert sorted(zip(left["line"], left["column"], left["reason"], strict=True)) == [
        (3, "value", "not a number"),
        (4, "period_end", "period_end before period_start"),
        (5, "period_end", "missing"),
        (6, "value", "missing"),
    ]
