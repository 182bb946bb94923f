import numpy as np
import pandas as pd
import pytest

from daybook import tables
from daybook.risk import explain, scenarios, var
from tests.frames import frame, sessions
from tests.risk.firm import firm

BEFORE, TODAY = "2020-01-30", "2020-01-31"
VALUES = (
    "business_date book instrument currency quantity price fx_rate market_value_base exposure_base price_source status"
)
EFFECTS = list(explain.EFFECTS)


def position(date, name, quantity, price, *, fx=1.0, currency="USD", source="file"):
    value = quantity * price * fx
    return (date, "b", name, currency, quantity, price, fx, value, value, source, "ok")


def explained(*positions, models=(), struck=None, failed=()):
    """The historical row at 0.99 of a dollar book, whose A lost 2 % once, 1 % of late and 3 % today, by 100 sessions.

    ``models``: first session and window of what else is declared.
    """
    dates = pd.bdate_range(end=TODAY, periods=201).as_unit("us")
    moves = [0.0] * 200 + [-0.03]
    moves[150], moves[190] = -0.02, -0.01
    returns = frame(
        "returns",
        "business_date instrument local_return price_return currency status",
        *[(date, "A", move, move, "USD", "ok") for date, move in zip(dates, moves, strict=True)],
    )
    days = pd.bdate_range(end=TODAY, periods=202).as_unit("us")
    rates = frame(
        "fx_rates",
        "business_date base quote rate status",
        *[(day, "EUR", "USD", 1.0 + 0.25 * (day == days[-1]), "ok") for day in days],
    )
    there = sorted({row[0] for row in positions})
    nav = frame(
        "nav",
        "business_date book nav status reason base_currency",
        *[(day, "b", 1e4, "failed" if day in failed else "ok", "no price of X", "USD") for day in there],
    )
    instruments = frame("instruments", "instrument asset_class", ("A", "equity"), ("N", "equity"), ("O", "option"))
    declared = [("historical", 1.0, start, float(window)) for start, window in (("2000-01-03", 100), *models)]
    facts = scenarios.Facts(var_models=frame("var_models", "method horizon_days valid_from window", *declared))
    inputs = (frame("valuations", VALUES, *positions), nav, returns, rates, instruments)
    figures = var.var(*inputs, sessions(*there), facts)
    key = "business_date book method confidence horizon_days var"
    known = frame("struck_var", key, *([(BEFORE, "b", "historical", 0.99, 1, struck)] if struck is not None else []))
    found = explain.explain(figures, known, *inputs, sessions(TODAY), facts)
    assert explain.identity_gaps(found, figures[figures["business_date"].eq(pd.Timestamp(TODAY))]).empty
    return found[found["method"].eq("historical") & found["confidence"].eq(0.99)].iloc[0]


def test_every_step_by_hand():
    # Worst scenario yesterday 2 % of 1,000, struck as 15; bought as much again; today's 3 % is the worst of 20 x 97.
    row = explained(position(BEFORE, "A", 10.0, 100.0), position(TODAY, "A", 20.0, 97.0), struck=15.0)
    assert row[["opening_var", *EFFECTS, "closing_var"]].tolist() == [15.0, 5.0, 0.0, 20.0, 18.2, 58.2]
    assert row["status"] == "ok"


def test_what_is_declared_of_the_model_is_a_step_of_its_own():
    # From today on 200 sessions count, and the second worst: 1 % of yesterday's, 2 % of today's.
    longer = [(TODAY, 200)]
    row = explained(position(BEFORE, "A", 10.0, 100.0), position(TODAY, "A", 10.0, 97.0), models=longer, struck=20.0)
    assert row[EFFECTS].tolist() == [0.0, -10.0, 0.0, pytest.approx(9.4)]
    assert row["status"] == "ok"


def test_a_figure_that_is_missing_is_not_split():
    few = [(TODAY, 99)]
    row = explained(position(BEFORE, "A", 10.0, 100.0), position(TODAY, "A", 10.0, 97.0), models=few, struck=20.0)
    assert row["opening_var"] == 20.0
    assert row[[*EFFECTS, "closing_var"]].isna().all()
    assert row["status"] == "not split: no figure of this session: 99 scenarios, 100 needed"


def test_not_struck_is_said():
    row = explained(position(BEFORE, "A", 10.0, 100.0), position(TODAY, "A", 10.0, 97.0))
    assert row["opening_var"] == 20.0
    assert row[EFFECTS].tolist() == [0.0, 0.0, 0.0, pytest.approx(9.1)]
    assert row["status"] == "opening derived again: not struck"


def test_a_split_is_no_purchase():
    row = explained(position(BEFORE, "A", 10.0, 100.0), position(TODAY, "A", 20.0, 48.5), struck=20.0)
    assert row["position_effect"] == 0.0
    assert row["market_effect"] == pytest.approx(9.1)


def test_what_was_bought_stands_at_the_price_of_the_session_before():
    # N came at 125 after gaining a quarter: four were worth 400 yesterday.
    rows = rewound([position(TODAY, "N", 4.0, 125.0)], [], others=[("N", 0.25)])
    assert rows.loc[0, ["market_value_base", "exposure_base", "price", "unpriced"]].tolist() == [
        400.0,
        400.0,
        100.0,
        False,
    ]


def test_money_stands_at_the_exchange_rate_of_the_session_before():
    now = [position(TODAY, "CASH:EUR", 100.0, 1.0, fx=1.25, currency="EUR")]
    then = [position(BEFORE, "CASH:EUR", 0.01, 1.0, fx=1.0, currency="EUR")]
    for before in (then, []):
        rows = rewound(now, before)
        assert rows.loc[0, ["market_value_base", "fx_rate", "unpriced"]].tolist() == [100.0, 1.0, False]
    foreign = rewound([position(TODAY, "N", 4.0, 125.0, fx=1.25, currency="EUR")], [], others=[("N", 0.25)])
    assert foreign.loc[0, ["market_value_base", "fx_rate"]].tolist() == [400.0, 1.0]


def test_what_has_no_price_of_the_session_before_keeps_its_own_and_is_counted():
    option = position(TODAY, "O", 2.0, 30.0, source="model")
    assert rewound([option], []).loc[0, ["market_value_base", "unpriced"]].tolist() == [60.0, True]
    row = explained(position(BEFORE, "A", 10.0, 100.0), position(TODAY, "A", 10.0, 97.0), option, struck=20.0)
    assert row["status"] == "no price of 2020-01-30 for so many positions: 1"
    held = rewound([option], [position(BEFORE, "O", 1.0, 20.0, source="model")])
    assert held.loc[0, ["market_value_base", "price", "unpriced"]].tolist() == [40.0, 20.0, False]


def rewound(now, then, others=()):
    moves = frame("returns", "business_date instrument price_return", *[(TODAY, *other) for other in others])
    rates = frame(
        "fx_rates",
        "business_date base quote rate status",
        (BEFORE, "EUR", "USD", 1.0, "ok"),
        (TODAY, "EUR", "USD", 1.25, "ok"),
    )
    held = frame("valuations", VALUES, *now).assign(base_currency="USD")
    days = pd.Timestamp(TODAY), pd.Timestamp(BEFORE)
    return explain.rewound(held, frame("valuations", VALUES, *then), moves, rates, *days)


def test_on_the_first_session_everything_was_bought():
    row = explained(position(TODAY, "A", 10.0, 97.0))
    assert row[["opening_var", *EFFECTS, "closing_var"]].tolist() == [0.0, 0.0, 0.0, pytest.approx(29.1), 0.0, 29.1]
    assert row["status"] == "first session of the book"


@pytest.mark.parametrize(
    ("failed", "said"),
    [(BEFORE, "no figure of 2020-01-30: nav failed"), (TODAY, "no figure of this session: nav failed")],
)
def test_a_book_without_nav_is_not_split_and_says_why(failed, said):
    row = explained(position(BEFORE, "A", 10.0, 100.0), position(TODAY, "A", 10.0, 97.0), failed=(failed,))
    assert row[EFFECTS].isna().all()
    assert row["status"].startswith("not split: " + said)
    assert np.isnan(row["closing_var"]) == (failed == TODAY)


def test_steps_lead_from_one_session_to_the_next_one_session_alone_or_in_a_range():
    made = firm(4, history=160)
    inputs = (made.valuations, made.nav, made.returns, made.fx_rates, made.instruments)
    figures = var.var(*inputs, made.sessions)
    none = tables.empty("struck_var")
    found = explain.explain(figures, none, *inputs, made.sessions)
    assert explain.identity_gaps(found, figures).empty
    assert len(found) == len(figures)
    later = found["business_date"] > made.sessions[0]
    assert (found.loc[later, "model_effect"] == 0).all()
    assert (found.loc[later, "position_effect"].abs() > 1).any()
    openings = found.loc[later, "opening_var"].to_numpy()
    np.testing.assert_array_equal(openings, figures.loc[figures["business_date"] < made.sessions[-1], "var"].to_numpy())
    alone = explain.explain(figures, none, *inputs, made.sessions[2:3])
    pd.testing.assert_frame_equal(alone, found[found["business_date"].eq(made.sessions[2])].reset_index(drop=True))
    wrong = found.assign(market_effect=found["market_effect"] + 1e-6)
    assert len(explain.identity_gaps(wrong, figures)) == len(found)
    assert len(explain.identity_gaps(found.assign(closing_var=np.nan), figures)) == len(found)
