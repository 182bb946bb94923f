"""When runs and signatures say that the steps of a day were done: runs of a job called eod, made by hand."""

import dagster as dg
import pandas as pd
import pytest

from daybook import tables
from resources import closes, records, register, timings
from resources.feeds import feeds

TODAY, BEFORE = pd.Timestamp("2022-12-27"), pd.Timestamp("2022-12-23")
NOW = pd.Timestamp("2022-12-28", tz="UTC")


@pytest.fixture
def doors(settings, monkeypatch):
    monkeypatch.setenv("DAYBOOK_VENDORS", "files")
    return feeds()


@pytest.fixture(scope="module")
def instance():
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def run(instance: dg.DagsterInstance, day: pd.Timestamp) -> None:
    """A run of a job that is called as the end of day is, with its steps and no work."""

    @dg.graph
    def steps() -> None:
        before = None
        for name in [name for names in timings.MADE_BY.values() for name in names]:
            ins = {} if before is None else {"after": dg.In(dg.Nothing)}
            made = dg.op(name=name, ins=ins, out=dg.Out(dg.Nothing))(lambda: None)
            before = made() if before is None else made(after=before)

    job = steps.to_job("eod", config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}})
    job.execute_in_process(instance=instance, tags={"dagster/partition": f"{day:%Y-%m-%d}"})


def sign(engine, day: pd.Timestamp, book: str) -> None:
    row = {"business_date": day.date(), "book": book, "version": 1, "status": "closed", "signed_by": "ann"}
    with engine.begin() as connection:
        connection.execute(records.closes.insert().values(**row, recorded_at=pd.Timestamp.now("UTC"), seen={}))


def test_the_last_run_of_a_day_that_stands_says_what_is_done_and_the_others_how_long_it_takes(doors, instance):
    for day in (BEFORE, TODAY, TODAY):
        run(instance, day)
    register.mark(doors.engine, pd.DatetimeIndex([BEFORE, TODAY]), None, "run")
    closes.propose(doors.engine, BEFORE, ["A"], 0)
    closes.propose(doors.engine, TODAY, ["A", "B"], 0)
    sign(doors.engine, BEFORE, "A")
    sign(doors.engine, TODAY, "A")
    found = timings.runs(doors, instance, TODAY, NOW)
    own = found[found["own"]]
    assert own["step"].tolist() == list(timings.MADE_BY)  # B is not signed: the day is not closed
    assert own["business_date"].eq(TODAY).all()
    others = found[~found["own"]]
    assert others.groupby("business_date").size().to_dict() == {BEFORE: 7, TODAY: 6}
    assert own["began_at"].min() > others["began_at"].max()
    ended = own.set_index("step")["ended_at"]
    assert ended["prices"] < ended["pack"]

    sign(doors.engine, TODAY, "B")
    now = timings.runs(doors, instance, TODAY, NOW)
    assert now.loc[now["own"], "step"].tolist() == [*timings.MADE_BY, "close"]

    closes.propose(doors.engine, TODAY, ["A", "B"], 1)  # facts have changed since: nothing of it stands but the close
    stale = timings.runs(doors, instance, TODAY, NOW)
    assert stale.loc[stale["own"], "step"].tolist() == ["close"]
    rows = timings.look(doors, instance, TODAY, NOW, tables.empty("feed_outcomes")).set_index("step")
    assert rows["status"].to_dict() == dict.fromkeys(timings.MADE_BY, "waiting") | {"prices": "due", "close": "done"}
    assert rows["expected_at"].notna().sum() == 6


def test_before_anybody_signed_runs_are_told_apart_all_the_same(doors, instance):
    assert timings.runs(doors, instance, TODAY, NOW)["own"].dtype == bool


def test_a_run_that_says_that_it_is_on_for_longer_than_any_may_be_is_not(doors, instance):
    tags = {"dagster/partition": "2022-12-28"}
    instance.create_run_for_job(
        job_def=dg.GraphDefinition("eod").to_job("eod"), status=dg.DagsterRunStatus.STARTED, tags=tags
    )
    assert not timings.runs(doors, instance, pd.Timestamp("2022-12-28"), NOW)["own"].any()
