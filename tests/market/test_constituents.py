from daybook import tables
from daybook.market import constituents
from tests.frames import frame, sessions


def weights(*rows):
    return frame("benchmark_weights", "business_date benchmark instrument weight", *rows)


def told(known, *dates):
    found = constituents.in_force(known, sessions(*dates))
    return [(f"{row.business_date:%m-%d}", row.benchmark, row.instrument, row.weight) for row in found.itertuples()]


def test_a_delivery_is_the_whole_benchmark_until_the_next_one_however_soon_that_is():
    known = weights(
        ("2022-09-30", "X", "A", 0.5),
        ("2022-09-30", "X", "B", 0.5),
        ("2022-10-12", "X", "A", 0.6),
        ("2022-10-12", "X", "C", 0.4),
        ("2022-10-13", "X", "A", 1.0),
        ("2022-10-13", "X", "C", 0.0),
        ("2022-10-11", "Y", "A", 1.0),
    )
    assert told(known, "2022-09-29") == []
    assert told(known, "2022-10-11") == [("10-11", "X", "A", 0.5), ("10-11", "X", "B", 0.5), ("10-11", "Y", "A", 1.0)]
    range_ = told(known, "2022-10-12", "2022-10-13", "2022-10-14")
    assert [row for row in range_ if row[1] == "X"] == [
        ("10-12", "X", "A", 0.6),
        ("10-12", "X", "C", 0.4),
        ("10-13", "X", "A", 1.0),
        ("10-13", "X", "C", 0.0),
        ("10-14", "X", "A", 1.0),
        ("10-14", "X", "C", 0.0),
    ]
    assert [row for row in range_ if row[0] == "10-13"] == told(known, "2022-10-13")


def test_weights_of_a_saturday_hold_from_monday_on_and_tell_their_date():
    found = constituents.in_force(weights(("2022-10-01", "X", "A", 1.0)), sessions("2022-09-30", "2022-10-03"))
    assert found[["business_date", "delivered"]].astype("str").to_numpy().tolist() == [["2022-10-03", "2022-10-01"]]


def test_no_weights_are_no_members():
    assert constituents.in_force(tables.empty("benchmark_weights"), sessions("2022-10-03")).empty
