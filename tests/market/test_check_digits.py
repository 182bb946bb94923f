import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.market import check_digits

DIGITS, LETTERS, CONSONANTS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "BCDFGHJKLMNPQRSTVWXYZ"
BODIES = {
    "isin": st.from_regex(r"\A[A-Z]{2}[A-Z0-9]{9}\Z"),
    "cusip": st.from_regex(r"\A[A-Z0-9*@#]{8}\Z"),
    "sedol": st.from_regex(rf"\A[0-9{CONSONANTS}]{{6}}\Z"),
    "figi": st.from_regex(rf"\ABBG[0-9{CONSONANTS}]{{8}}\Z"),
}


def digit_of(scheme: str, body: str) -> str:
    """The check digit worked out character by character."""
    values = [(DIGITS + LETTERS + "*@#").index(character) for character in body]
    if scheme == "sedol":
        return str(-sum(v * w for v, w in zip(values, (1, 3, 1, 7, 3, 9), strict=True)) % 10)
    if scheme == "isin":
        values = [int(digit) for digit in "".join(map(str, values))][::-1]
        return str(-sum(sum(map(int, str(v * (2 - k % 2)))) for k, v in enumerate(values)) % 10)
    return str(-sum(sum(map(int, str(v * (1 + k % 2)))) for k, v in enumerate(values)) % 10)


@pytest.mark.parametrize("scheme", BODIES)
@settings(max_examples=40)
@given(st.data())
def test_just_one_last_digit_is_right(scheme, data):
    bodies = data.draw(st.lists(BODIES[scheme], min_size=1, max_size=5))
    values = [body + digit for body in bodies for digit in DIGITS]
    expected = [value[-1] == digit_of(scheme, value[:-1]) for value in values]
    assert check_digits.valid(scheme, values).tolist() == expected


@pytest.mark.parametrize(
    ("scheme", "value", "reason"),
    [
        ("isin", "US0378331006", "not an ISIN: its check digit is 6, expected 5"),
        ("cusip", "037833109", "not a CUSIP: its check digit is 9, expected 0"),
        ("sedol", "B0YBKJ1", "not a SEDOL: its check digit is 1, expected 7"),
        ("figi", "BBG000B9XRY3", "not a FIGI: its check digit is 3, expected 4"),
        ("isin", "us0378331005", "not an ISIN: two capital letters, nine capital letters or digits, a check digit"),
        ("cusip", "37833100", "not a CUSIP: eight digits, capital letters or * @ #, and a check digit"),
        ("sedol", "A0YBKJ7", "not a SEDOL: six digits or capital consonants, and a check digit"),
        ("mic", "xnys", "not a MIC: four capital letters or digits"),
    ],
)
def test_the_reason_names_the_scheme_and_what_was_expected(scheme, value, reason):
    assert check_digits.faults(scheme, [value]).tolist() == [reason]


@pytest.mark.parametrize(
    ("scheme", "values"),
    [
        ("isin", ["", "US037833100", "US03783310055", "US037833100X", "U50378331005", "US0378331０05", "US037833100*"]),
        ("cusip", ["0378331 0", "03783310O", "0378331005"]),
        ("sedol", ["B0YBKJ", "b0ybkj7", "E0YBKJ7"]),
        ("figi", ["BSG000B9XRY4", "BBH000B9XRY4", "ABG000B9XRY4", "BBG000A9XRY4", "BBG000B9XRYB"]),
        ("mic", ["", "XNY", "XNYSE", "XNY ", "XNY-", "ÄNYS"]),
        ("cik", ["", "0", "0000000000", "12345678901", "32019A", "-320193", " 320193"]),
    ],
)
def test_what_has_another_form_is_none(scheme, values):
    assert not check_digits.valid(scheme, values).any()


def test_a_figi_never_begins_like_an_isin_of_certain_countries():
    body = "KYG000B9XRY"
    value = body + digit_of("figi", body)
    assert not check_digits.valid("figi", [value])[0]
    assert check_digits.valid("figi", ["KZG000B9XRY" + digit_of("figi", "KZG000B9XRY")])[0]


def test_a_column_in_order_and_none_at_all():
    values = np.array(["US0378331005", "", None, "US0378331006", "GB0002634946"], object)
    assert check_digits.valid("isin", values).tolist() == [True, False, False, False, True]
    assert check_digits.valid("mic", ["XNYS", "XLON", "OTCM", "360T"]).all()
    assert check_digits.valid("cik", ["320193", "0000320193", "1652044", "9999999999", "00000320193"]).all()
    assert check_digits.faults("isin", []).tolist() == []
