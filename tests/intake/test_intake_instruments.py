"""Terms of instruments in delivered files: none at all, or all of them."""

import pandas as pd
import pytest

from daybook import tables
from daybook.intake import reading, rows
from daybook.intake.draft import Reference
from daybook.intake.names import parse

NOTHING = Reference(
    *(
        tables.empty(name)
        for name in (
            *("books", "instruments", "accounts", "identifiers", "corporate_actions", "transactions"),
            *("share_classes", "closes", "close_rules"),
        )
    )
)
HEADER = (
    "instrument,currency,asset_class,underlying,maturity_date,strike,option_type,exercise_style,delivery_kind,"
    "coupon_rate,coupon_frequency,day_count,issue_date"
)


def checked(text):
    name = parse("instruments_2020-01-02.csv")
    return rows.check(
        name, reading.read(text.encode(), name.format), pd.Timestamp("2020-01-02 22:00", tz="UTC"), NOTHING
    )


def test_instruments_without_terms_are_what_they_were():
    text = "instrument,currency,asset_class\n" + "".join(
        f"X{kind},USD,{kind}\n" for kind in ("bond", "option", "forward", "future", "equity")
    )
    found = checked(text)
    assert found.rejected == 0
    assert found.facts["coupon_rate"].isna().all()
    assert (found.facts["coupon_frequency"] == 0).all()


def test_whole_terms_are_taken_in():
    found = checked(
        HEADER
        + "\nB,USD,bond,,2030-02-15,,,,,0.05,2,30/360,2020-02-15"
        + "\nZ,USD,Bond,,2030-02-15,,,,,0,,,"
        + "\nO,USD,option,ACME,2020-06-19,50,call,american,cash,,,,"
        + "\nW,USD,forward,CASH:EUR,2020-06-19,,,,,,,,\n"
    )
    assert found.problems.empty
    assert found.facts["maturity_date"].notna().all()


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("B,USD,bond,,,,,,,0.05,2,,", "maturity_date", "counted back"),
        ("B,USD,bond,,2030-02-15,,,,,0.05,,,", "coupon_frequency", "coupons a year"),
        ("B,USD,bond,,2030-02-15,,,,,0.05,3,,", "coupon_frequency", "1, 2, 4 or 12"),
        ("B,USD,bond,,2030-02-15,,,,,-0.05,2,,", "coupon_rate", "below zero"),
        ("B,USD,bond,,2030-02-15,,,,,0.05,2,365/366,", "day_count", "unknown day count"),
        ("B,USD,bond,,2030-02-15,,,,,0.05,2,,2030-02-16", "maturity_date", "maturity_date before issue_date"),
        ("O,USD,option,ACME,2020-06-19,,call,american,,,,,", "strike", "terms of this option"),
        ("O,USD,option,,2020-06-19,50,call,american,,,,,", "underlying", "terms of this option"),
        ("O,USD,option,ACME,2020-06-19,50,call,bermudan,,,,,", "exercise_style", "american, european"),
        ("W,USD,forward,CASH:EUR,,,,,,,,,", "maturity_date", "terms of this forward"),
        ("W,USD,forward,ACME,2020-06-19,,,,,,,,", "underlying", "CASH:<CCY>"),
        ("W,USD,forward,CASH:USD,2020-06-19,,,,,,,,", "underlying", "same money"),
    ],
)
def test_half_of_the_terms_is_refused(row, column, reason):
    found = checked(f"{HEADER}\n{row}\nGOOD,USD,equity,,,,,,,,,,\n")
    assert found.facts["instrument"].tolist() == ["GOOD"]
    assert found.problems["column"].tolist() == [column]
    assert reason in found.problems["reason"].iloc[0]
