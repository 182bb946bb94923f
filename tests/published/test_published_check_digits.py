"""Identifiers printed by those who give them out, or worked through step by step elsewhere."""

import pytest

from daybook.market import check_digits

PUBLISHED = [
    # Apple Inc.: the worked example of "International Securities Identification Number", Wikipedia, and its CUSIP.
    ("isin", "US0378331005"),
    ("cusip", "037833100"),
    # Treasury Corporation of Victoria and BAE Systems: the other worked examples of the same article.
    ("isin", "AU0000XVGZA3"),
    ("isin", "GB0002634946"),
    ("isin", "FR0000988040"),  # Rosetta Code, task "Validate International Securities Identification Number"
    # Rosetta Code, task "CUSIP", which also shows 68389X106 as an incorrect one.
    ("cusip", "17275R102"),
    ("cusip", "38259P508"),
    ("cusip", "594918104"),
    ("cusip", "68389X105"),
    # Wikipedia, "SEDOL": BAE Systems; and the task "SEDOLs" of Rosetta Code.
    ("sedol", "0263494"),
    *(("sedol", value) for value in (
        "7108899", "B0YBKJ7", "4065663", "B0YBLH2", "2282765", "B0YBKL9", "5579107", "B0YBKR5", "5852842", "B0YBKT7",
    )),
    # OpenFIGI, "Allocation rules for the Financial Instrument Global Identifier": Apple Inc., and IBM on openfigi.com.
    ("figi", "BBG000B9XRY4"),
    ("figi", "BBG000BLNNH6"),
    ("figi", "BBG000BLNQ16"),  # Wikipedia, "Financial Instrument Global Identifier": the worked check digit
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "value"), PUBLISHED)
def test_the_published_number_is_right_and_no_other_last_digit_is(scheme, value):
    others = [value[:-1] + digit for digit in "0123456789"]
    assert check_digits.valid(scheme, others).tolist() == [other == value for other in others]
