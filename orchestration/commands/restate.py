"""``daybook restate``: sign a day again whose figures changed since it was signed."""

from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer
from rich.markup import escape

from orchestration.commands.changes import Book, Date, one_by_one, summary
from orchestration.commands.close import blocked, unmoved
from orchestration.commands.installation import date_of, given, here, opened
from orchestration.console import FAILED, Refused, complain, out, table

if TYPE_CHECKING:
    from orchestration.states import Difference
    from resources.feeds import Feeds


def restate(
    date: Date,
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name and the figures that it changes.")],
    book: Book = None,
) -> None:
    """Sign DATE again as DAYBOOK_USER because its figures changed; the old version is kept."""
    session = date_of(date)
    given(reason)
    feeds, user = opened(), here().user
    from orchestration.states import compared, entries, moments
    from resources import closes, register

    through, seen = register.through(feeds.engine, session) or 0, closes.seen(feeds.lake, session)
    signatures = entries(feeds, session, book)
    if objection := closes.objection(feeds.facts, session):
        raise Refused(objection)
    altered = closes.altered(feeds.lake, session, signatures)
    changed = signatures[signatures["book"].isin(altered)]
    if changed.empty:
        told = [
            closes.unchanged(session, x["book"], x["signed_by"], x["version"]) for x in signatures.to_dict("records")
        ]
        raise Refused(told[0] if len(told) == 1 else f"{date}: nothing of any signed book changed: nothing to restate")
    against = blocked(feeds, session)
    then, now = (moments(feeds, session, name, changed) for name in ("close", "now"))
    found = compared(feeds, session, then, now)
    effects = _effects(feeds, session, changed, found)
    summary(session, found)
    one_by_one(pd.concat([part.rows for part in found], ignore_index=True))
    returns = feeds.lake.read("performance", last=session)
    refused = False
    with unmoved(feeds, session, seen):
        for entry in changed.to_dict("records"):
            name = str(entry["book"])
            if reasons := against.get(name, ("it has no NAV any more",)):
                refused = True
                complain(f"refused: {name} {date}: {'; '.join(reasons)}")
                continue
            mine, effect = returns[returns["book"] == name], effects[name]
            try:
                version = closes.restate(
                    feeds.engine, session, name, user, reason, int(entry["version"]), seen, through, mine, effect
                )
            except closes.CloseRefused as error:  # somebody else restated it meanwhile; the others are still signed
                refused = True
                complain(f"refused: {error}")
                continue
            out.print(escape(f"restated {name} {date}, version {version}, signed by {user}"), highlight=False)
            _tell(effect)
    if refused:
        raise typer.Exit(FAILED)


def _effects(
    feeds: "Feeds", session: pd.Timestamp, entries: pd.DataFrame, found: "list[Difference]"
) -> dict[str, dict[str, Any]]:
    """What the restatement of each book changes, in plain values for the register."""
    from daybook.control import restatement
    from daybook.market.declared import rule_in_force

    effects: dict[str, dict[str, Any]] = {}
    for part in found:
        rules = rule_in_force("close_rules", feeds.facts.current("close_rules"), part.then.nav)
        causes = part.rows.groupby(["book", "cause"])["effect"].sum().round(6)
        owed = _owed(feeds, session, entries[entries["book"].isin(part.then.nav["book"])])
        for error in restatement.errors(part.then.nav, part.now.nav, rules).to_dict("records"):
            name = str(error["book"])
            mine = owed[owed["book"] == name]
            effects[name] = {key: _plain(value) for key, value in error.items() if key != "book"} | {
                "causes": {str(cause): _plain(value) for cause, value in causes.get(name, pd.Series()).items()},
                "compensation": [{key: _plain(value) for key, value in row.items()} for row in mine.to_dict("records")],
            }
    return effects


def _owed(feeds: "Feeds", session: pd.Timestamp, entries: pd.DataFrame) -> pd.DataFrame:
    """What investors who dealt on ``session`` are owed; the books of ``entries`` were signed in one go."""
    from daybook.control import restatement
    from daybook.tables import empty

    seen = entries["seen"].iloc[0]

    def then(name: str) -> pd.DataFrame:
        version = seen.get(name, {}).get("version")
        rows = empty(name) if version is None else feeds.lake.read(name, session, session, version=version)
        return rows[rows["book"].isin(entries["book"])]

    now = feeds.lake.read("share_class_nav", session, session)
    return restatement.compensation(then("dealings"), then("share_class_nav"), now)


def _plain(value: Any) -> Any:
    """A value of a frame for JSON: no NaN, dates as text."""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if value is None or value != value:
        return None
    return value.item() if hasattr(value, "item") else value


def _tell(effect: dict[str, Any]) -> None:
    """Say how large the error was, and who is owed what."""
    size, bound = effect["difference_bp"], effect["nav_error_bp"]
    if effect["difference"] == 0:
        out.print("  NAV is what was signed: no error", highlight=False)
    else:
        measured = "cannot be told in basis points" if size is None else f"{size:+.4f} bp of NAV"
        word = "material" if effect["material"] else "not material"
        out.print(f"  the signed NAV was wrong by {measured}: {word} (beyond {bound:g} bp)", highlight=False)
    if effect["compensation"]:
        owed = pd.DataFrame(effect["compensation"]).drop(columns=["business_date", "book"])
        table("owed to investors who dealt at the wrong price (negative: by them)", owed)
        out.print(escape(f"  {owed['compensation'].sum():,.2f} in all, kept with the close"), highlight=False)
