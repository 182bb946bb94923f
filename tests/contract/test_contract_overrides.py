"""A price that two people put in place of the market's, from the command to NAV and back."""

import re

DAYS = ["2022-12-20", "2022-12-21", "2022-12-22", "2022-12-23"]
CLOSES = [10.0, 11.0, 12.0, 13.0]
UNITS = 100


def asked(out: str) -> str:
    """Number of the request that a command made."""
    return re.match(r"request (\d+):", out).group(1)


def test_an_override_from_request_to_nav_and_back(reference):
    firm = reference
    firm.put("price_sources_2022-12-19.csv", "asset_class,valid_from,sources\nequity,2022-12-19,first second")
    for day, close in zip(DAYS, CLOSES, strict=True):
        for source, wrong in (("second", 0.5), ("first", 0.0)):
            if (day, source) != (DAYS[3], "first"):
                text = f"business_date,instrument,close\n{day},AAA,{close + wrong}"
                firm.put(f"prices_{day}_{source}.csv", text)
    firm.put(
        "transactions_2022-12-20.csv",
        f"""transaction_id,book,instrument,kind,trade_date,quantity,price,currency
        T1,ALPHA,,deposit,2022-12-20,5000,,USD
        T2,ALPHA,AAA,buy,2022-12-20,{UNITS},10,USD""",
    )
    firm.daybook("ingest", *map(str, sorted(firm.inbox.iterdir())))
    market, higher = [5000.0, 5100.0, 5200.0, 5350.0], 5000.0 + UNITS * 10.25

    words = ["override", "price", "AAA", "20.25", "--date", DAYS[1], "--until", DAYS[2], "--reason", "a wrong print"]
    code, out, err = firm.daybook(*words, user="ann")
    assert code == 0, err
    number = asked(out)
    assert "the market says 11 USD of first: a difference of +84.0909%" in out
    code, _, err = firm.daybook("approve", number, user="ann")
    assert (code, "a second person must agree" in err) == (1, True)
    assert firm.daybook("approve", number, user="bob")[0] == 0
    assert firm.daybook("approve", number, user="cid")[0] == 1, "it is decided"

    # The two sources of the day differ by more than the book may bear; two people have answered for its price.
    firm.eod(DAYS[2])
    assert [firm.row("nav", day, book="ALPHA")["nav"] for day in DAYS[:3]] == [market[0], higher, higher]
    assert firm.row("prices", DAYS[0], instrument="AAA")["reason"] == "second says 10.5, 5 % away, tolerance 0.5 %"
    row = firm.row("prices", DAYS[2], instrument="AAA")
    assert (row["close"], row["status"], row["source"], row["market_close"]) == (20.25, "override", "override", 12.0)
    assert row["reason"] == (
        f"override {number} of ann, approved by bob: a wrong print; the market says 12 USD of first"
    )
    fact = firm.show("price_overrides").iloc[0]
    assert (fact["price"], fact["valid_from"], fact["valid_to"], fact["approved_by"]) == (20.25, *DAYS[1:3], "bob")
    assert firm.show("price_overrides", None, "--known-at", "2022-12-31").empty

    finding = firm.row("findings", DAYS[2], check="price_override", book="ALPHA")
    assert (finding["severity"], finding["impact_base"]) == ("warning", -825.0)
    page = (firm.home / "reports" / DAYS[2] / "index.html").read_text()
    assert "a wrong print" in page

    code, out, _ = firm.daybook("close", DAYS[2], user="ann")
    assert (code, f"with the price of AAA overridden: override {number} of ann" in out) == (0, True)

    code, out, err = firm.daybook("override", "end", number, "--date", DAYS[2], "--reason", "corrected", user="bob")
    assert code == 0, err
    assert number in firm.daybook("override", "list", "--date", DAYS[2])[1]
    assert firm.daybook("approve", asked(out), user="ann")[0] == 0
    firm.eod(DAYS[3])
    navs = [firm.row("nav", day, book="ALPHA")["nav"] for day in DAYS]
    assert navs == [market[0], higher, *market[2:]]
    assert firm.row("prices", DAYS[3], instrument="AAA")["reason"] == (
        "first, first of first second for equity, delivered none; second is used"
    )


def test_what_is_asked_wrongly_is_refused_with_the_exit_code_of_the_contract(reference):
    reference.daybook("ingest", *map(str, sorted(reference.inbox.iterdir())))

    def asked_for(price="10", date="2022-12-20", until="2022-12-21", reason="why", instrument="AAA") -> tuple[int, str]:
        words = ["override", "price", instrument, price, "--date", date, "--until", until, "--reason", reason]
        code, _, err = reference.daybook(*words)
        assert err.startswith("daybook: ") or code == 0
        return code, " ".join(err.split())

    for wrong in ("0", "nan", "1e999", "1,5", "ten"):
        assert asked_for(price=wrong)[0] == 2, wrong
    assert asked_for(until="2022-12-19")[0] == 2
    assert asked_for(date="20 December")[0] == 2
    assert asked_for(reason=" ")[0] == 2
    assert asked_for(instrument="ZZZ")[0] == 1
    assert asked_for(date="2022-12-26", until="2022-12-30") == (
        1, "daybook: 2022-12-26 is no session of XNYS: take 2022-12-23 or 2022-12-27",
    )  # fmt: skip
    assert asked_for() == (0, "")
    assert reference.daybook("override", "end", "7", "--date", "2022-12-21", "--reason", "why")[0] == 1
    assert reference.daybook("override", "show", "7")[0] == 1
    code, out, _ = reference.daybook("override", "list", "--date", "2022-12-20")
    assert (code, "AAA at 10 USD from 2022-12-20 to 2022-12-21" in " ".join(out.split())) == (0, True)
    assert reference.daybook("reject", "1", "--reason", " ")[0] == 2
    assert reference.daybook("reject", "1", "--reason", "no [bold]", user="bob")[0] == 0
    assert "no [bold]" in reference.daybook("override", "show", "1")[1]
    assert reference.daybook("approve", "1", user="bob")[0] == 1
