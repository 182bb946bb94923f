"""Segregation of duties: what one person did alone that two should have done.

Belongs here: when two names are one person, and which acts of one person stand on one another. Does not belong here:
refusing them (``resources.requests``, ``resources.orders``), the chain of acts itself (``chain``).

Two rules:

* ``two persons``: nobody approves what he asked for or proposed;
* ``own entries``: nobody signs a close of a book that stands on rows which he alone took in or left out (release,
  correct, discard) since the book was last signed. A row that names another book does not count; one that names none,
  such as a price, counts for every book.

A name is the same person however it is written: case, width of letters, spaces, punctuation and what cannot be seen do
not count
(``Ann Lee``, ``ann.lee``). Names of two accounts of one person are two names: no list says otherwise.
"""

import json
import unicodedata

import numpy as np
import pandas as pd

ALONE = ("release", "correct", "discard")
"""What one person may do to delivered rows without a second one."""
SIGNS = ("close", "restate")
FOUND = ("at", "person", "rule", "subject", "stands_on", "said")
"""Columns of what was found: the instant of the later act, who, the rule, and both acts."""


def one_person(name: str) -> str:
    """``name`` as it is compared: letters and digits alone, case and width folded; as it is where that leaves none.

    Marks count: they are the vowels of Hindi or Thai names.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    kept = [character for character in folded if character.isalnum() or unicodedata.category(character)[0] == "M"]
    return "".join(kept) or name.strip()


def found(acts: pd.DataFrame, proposed: pd.DataFrame | None = None) -> pd.DataFrame:
    """What breaks a rule, oldest first.

    Args:
        acts: table ``audit_events``.
        proposed: person, subject (``order <id>``) and at of orders that were proposed, for their approvals.

    Returns:
        ``FOUND``, a row for each act that should have been another person's, and act that it stands on.
    """
    rows = acts.assign(who=[one_person(name) for name in acts["person"]])
    first = rows[rows["act"] == "ask"]
    if proposed is not None:
        own = proposed.assign(act="propose", event=0, who=[one_person(name) for name in proposed["person"]])
        first = pd.concat([first, own.drop_duplicates("subject", keep="last")], ignore_index=True)
    pairs = rows[rows["act"] == "approve"].merge(first, on=["subject", "who"], suffixes=("", "_first"))
    both = _rows("two persons", pairs, pairs["act_first"] + " by " + pairs["person_first"])
    return pd.concat([both, _own_entries(rows)], ignore_index=True).sort_values("at", kind="stable", ignore_index=True)


def tally(acts: pd.DataFrame) -> pd.DataFrame:
    """How often each person did what: person, a column for each act."""
    counted = acts.groupby(["person", "act"]).size().unstack(fill_value=0)
    return counted.rename_axis(columns=None).reset_index()


def _own_entries(rows: pd.DataFrame) -> pd.DataFrame:
    """Signatures on rows that the signer alone decided about."""
    signed = rows[rows["act"].isin(SIGNS) & rows["subject"].str.startswith("close ")].copy()
    # ``close <date> <book> <version>``: a name of a book may have spaces.
    words = signed["subject"].str.extract(r"^close \S+ (?P<book>.*) \d+$")
    signed = signed.assign(book=words["book"]).sort_values("event")
    signed["since"] = signed.groupby("book")["event"].shift(fill_value=0)
    own = rows[rows["act"].isin(ALONE)]
    own = own.assign(book=[_book(payload) for payload in own["payload"]])
    pairs = signed.merge(own, on="who", suffixes=("", "_own"))
    inside = (pairs["event_own"] > pairs["since"]) & (pairs["event_own"] < pairs["event"])
    concerned = (pairs["book_own"] == "") | (pairs["book_own"] == pairs["book"])
    pairs = pairs[np.asarray(inside & concerned, bool)]
    return _rows("own entries", pairs, pairs["act_own"] + " " + pairs["subject_own"] + " by " + pairs["person_own"])


def _book(payload: str) -> str:
    """The book that a delivered row names, corrected or not; "" where it names none."""
    said = json.loads(payload)
    return str({**said.get("row", {}), **said.get("corrected", {})}.get("book", ""))


def _rows(rule: str, pairs: pd.DataFrame, stands_on: "pd.Series[str]") -> pd.DataFrame:
    said = pairs["person"] + " did " + pairs["act"] + " " + pairs["subject"] + " and " + stands_on
    made = pairs[["at", "person", "subject"]].assign(rule=rule, stands_on=stands_on, said=said)[list(FOUND)]
    texts = dict.fromkeys(FOUND[1:], "str")
    return made.astype({"at": "datetime64[us, UTC]"} | texts)
