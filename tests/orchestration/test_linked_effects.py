"""What ``daybook show attribution --period`` is made of, from a lake of four sessions."""

from types import SimpleNamespace

import pandas as pd
import pytest

from daybook import tables
from orchestration import linked_effects
from orchestration.commands import period_effects
from orchestration.console import Misused, Refused
from resources.lake import Lake
from tests.frames import frame

DAYS = ["2020-02-27", "2020-02-28", "2020-03-02", "2020-03-03"]
ACTIVE = [0.01, -0.02, 0.02, -0.01]


@pytest.fixture(scope="module")
def feeds(tmp_path_factory):
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    performance = frame(
        "performance",
        "business_date book daily_return benchmark_return active_return status",
        *[(day, "b", 0.01 + a, 0.01, a, "ok") for day, a in zip(DAYS, ACTIVE, strict=True)],
    )
    nodes = frame(
        "attribution_nodes",
        "business_date book method node depth allocation allocation_above selection interaction trading total",
        *[
            (day, "b", "brinson_fachler", node, depth, 0, 0, part * a, 0, 0, part * a)
            for day, a in zip(DAYS, ACTIVE, strict=True)
            for node, depth, part in (("", 0, 1), ("Tech", 1, 0.8), ("Cash", 1, 0.2))
        ],
    )
    for name, rows in (("performance", performance), ("attribution_nodes", nodes)):
        lake.write(name, rows, pd.DatetimeIndex(DAYS))
    return SimpleNamespace(lake=lake, facts=SimpleNamespace(current=tables.empty))


def test_a_period_is_linked_as_asked_and_by_default_as_declared(feeds):
    for linking, said in ((None, "carino"), ("grap", "grap")):
        rows = linked_effects.rows(linked_effects.linked(feeds, "month", None, None, linking, None))
        assert rows["linking"].unique().tolist() == [said]
        assert rows.set_index("node")["total"].round(12).to_dict() == pytest.approx(
            {"": 0.0099, "Tech": 0.8 * 0.0099, "Cash": 0.2 * 0.0099}, abs=1e-12
        )
    earlier = linked_effects.rows(linked_effects.linked(feeds, "month", pd.Timestamp(DAYS[1]), "b", None, "all"))
    assert earlier.set_index("node").loc["", "total"] == round(1.02 * 0.99 - 1.01**2, 12)
    assert linked_effects.linked(feeds, "month", pd.Timestamp("2020-03-04"), None, None, None) == []
    assert linked_effects.linked(feeds, "one_year", None, None, None, None) == []
    no_effects = linked_effects.rows(linked_effects.linked(feeds, "day", None, None, None, "karnosky_singer"))
    assert no_effects["status"].tolist() == ["no effects in 1 of 1 sessions, first 2020-03-03"]


def test_sessions_and_months_add_up_to_the_period(feeds, monkeypatch, capsys):
    parts = linked_effects.linked(feeds, "year", None, None, "frongello", None)
    whole = linked_effects.rows(parts).set_index("node")["total"]
    for by, number in (("session", 4), ("month", 2)):
        found = linked_effects.taken_apart(parts, by)
        assert found.iloc[:, 0].nunique() == number
        assert (found.groupby("node")["total"].sum() - whole).abs().max() < 1e-11
    monkeypatch.setattr(period_effects, "opened", lambda: feeds)
    period_effects.show("year", None, "b", "frongello", None, "month", "table")
    printed = capsys.readouterr().out
    assert "b, brinson_fachler, frongello, year from 2020-02-27 to 2020-03-03" in " ".join(printed.split())
    assert "2020-02" in printed
    assert "Tech" in printed
    with pytest.raises(Refused, match="no book 'c' has computed sessions over year"):
        period_effects.show("year", None, "c", None, None, None, "table")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("nav", "month", None, None, False), "are of attribution, not of nav"),
        (("attribution", None, None, None, False), "a period is one of day, month"),
        (("attribution", "week", None, None, False), "not 'week'"),
        (("attribution", "month", "firm", None, False), "apart by session or month, not by firm"),
        (
            ("attribution", "month", None, "brinson", False),
            "--method is one of brinson_fachler, .*, all, not 'brinson'",
        ),
        (("attribution", "month", None, "all", True), "leave --known-at"),
    ],
)
def test_what_cannot_be_asked_together(asked, said):
    with pytest.raises(Misused, match=said):
        period_effects.check(*asked)
