"""Random histories: known from the start or late they are one, every identity holds, and nonsense fails by name."""

import pandas as pd
from histories import BOOKS, LEDGER, OF_THE_BOOKS, SESSIONS, Told, delivered, gaps, histories, made, nonsense, same
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EVERY = tuple(dict.fromkeys((*LEDGER, *OF_THE_BOOKS, "book_failures")))
quick = settings(
    max_examples=3,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink one would take minutes
    suppress_health_check=list(HealthCheck),
)


@quick
@given(st.data())
def test_known_from_the_start_is_arrived_late_in_any_order(data):
    history = data.draw(histories())
    start = Told(**history)
    late = Told(**history | {"transactions": data.draw(delivered(history["transactions"]))})
    assert same(made(start), made(late)) == []


@quick
@given(histories())
def test_every_identity_holds_on_every_day(history):
    told = Told(**history)
    known = made(told, wanted=EVERY)
    assert known["book_failures"].empty, known["book_failures"]["reason"].tolist()
    assert gaps(told, known) == {}


@quick
@given(st.data())
def test_a_range_is_its_sessions_and_what_comes_later_changes_nothing_before(data):
    history = data.draw(histories())
    told = Told(**history)
    known = made(told)
    for at in sorted(data.draw(st.sets(st.integers(0, len(SESSIONS) - 1), min_size=1, max_size=1))):
        day = SESSIONS[at : at + 1]
        of_day = {name: frame[frame["business_date"] == day[0]] for name, frame in known.items()}
        assert same(of_day, made(told, day)) == []
        until = [row for row in history["transactions"] if pd.Timestamp(row["trade_date"]) <= day[0]]
        assert same(of_day, made(told.but(transactions=until), day)) == []


@quick
@given(st.data())
def test_nonsense_fails_its_books_by_name_and_nobody_else(data):
    # Books that share a pool fail together, so here each has its own.
    history = data.draw(histories(most=6, pools=("book",)))
    spoilt = data.draw(st.sets(st.sampled_from([*BOOKS, "NOBODY"]), min_size=1, max_size=4))
    rows = [row for name in sorted(spoilt) for row in data.draw(nonsense(name))]
    whole = Told(**history)
    told = whole.but(transactions=[*history["transactions"], *rows])
    found = made(told, wanted=EVERY)
    failures = found["book_failures"]
    assert set(failures["book"]) <= spoilt
    assert (failures["reason"] != "").all()
    good = [name for name in BOOKS if name not in spoilt]
    assert same(of(good, made(whole)), of(good, {table: found[table] for table in LEDGER})) == []
    # A book that failed has no result from then on, and its NAV says why.
    failed = pd.MultiIndex.from_frame(failures[["business_date", "book"]])
    for table in set(LEDGER) - {"book_failures", "ledger_failures"}:
        assert not pd.MultiIndex.from_frame(found[table][["business_date", "book"]]).isin(failed).any(), table
    nav = found["nav"].set_index(["business_date", "book"])
    told_why = nav.reindex(failed[failed.isin(nav.index)])
    assert told_why["nav"].isna().all()
    assert (told_why["status"] == "failed").all()
    assert (told_why["reason"] != "").all()
    assert (nav.drop(failed, errors="ignore")["status"] == "ok").all()
    assert gaps(told, found) == {}


def of(names, frames):
    """The rows of the books ``names`` of each table."""
    return {table: frame[frame["book"].isin(names)] for table, frame in frames.items()}
