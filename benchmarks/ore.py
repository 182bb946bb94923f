"""The files of a historical simulation by ORE (package open-source-risk-engine), and running it on them.

Belongs here: XML in, CSV out, by the schemas of ORE's user guide. Does not belong here: what is compared (``risk``).
"""

from pathlib import Path
from typing import Any

import numpy as np

LAST = "2022-12-30"
CONVENTIONS = """<Conventions><Zero><Id>USD-ZERO</Id><TenorBased>true</TenorBased><DayCounter>A365</DayCounter>
<CompoundingFrequency>Annual</CompoundingFrequency><Compounding>Continuous</Compounding><TenorCalendar>USD</TenorCalendar>
<SpotLag>0</SpotLag><SpotCalendar>USD</SpotCalendar><RollConvention>Following</RollConvention><EOM>false</EOM></Zero>
</Conventions>"""
ENGINES = """<PricingEngines><Product type="EquityPosition"><Model>Analytic</Model>
<ModelParameters/><Engine>Analytic</Engine><EngineParameters/></Product></PricingEngines>"""
YIELD = """<YieldCurve><CurveId>USD</CurveId><CurveDescription/><Currency>USD</Currency><DiscountCurve/>
<Segments><Direct><Type>Zero</Type><Quotes><Quote>ZERO/RATE/USD/USD/A365/1Y</Quote><Quote>ZERO/RATE/USD/USD/A365/10Y</Quote></Quotes>
<Conventions>USD-ZERO</Conventions></Direct></Segments><InterpolationVariable>Zero</InterpolationVariable>
<InterpolationMethod>Linear</InterpolationMethod></YieldCurve>"""
EQUITY = """<EquityCurve><CurveId>{0}</CurveId><CurveDescription/><Currency>USD</Currency>
<ForecastingCurve>USD</ForecastingCurve><Type>NoDividends</Type><SpotQuote>EQUITY/PRICE/{0}/USD</SpotQuote>
<DayCounter>A365</DayCounter></EquityCurve>"""
TRADE = """<Trade id="{0}_{1}"><TradeType>EquityPosition</TradeType><Envelope><CounterParty>CP</CounterParty>
<NettingSetId>CP</NettingSetId><PortfolioIds><PortfolioId>{0}</PortfolioId></PortfolioIds><AdditionalFields/></Envelope>
<EquityPositionData><Quantity>{2}</Quantity><Underlying><Type>Equity</Type><Name>{1}</Name><Weight>1</Weight></Underlying>
</EquityPositionData></Trade>"""
MARKET = """<TodaysMarket><Configuration id="default"><DiscountingCurvesId>default</DiscountingCurvesId>
<EquityCurvesId>default</EquityCurvesId></Configuration><DiscountingCurves id="default">
<DiscountingCurve currency="USD">Yield/USD/USD</DiscountingCurve></DiscountingCurves>
<EquityCurves id="default">{0}</EquityCurves></TodaysMarket>"""
SIMULATION = """<Simulation><Market><BaseCurrency>USD</BaseCurrency><Currencies><Currency>USD</Currency></Currencies>
<YieldCurves><Configuration><Tenors>1Y,10Y</Tenors><Interpolation>LogLinear</Interpolation>
<Extrapolation>FlatFwd</Extrapolation></Configuration></YieldCurves><Indices/><Equities><Simulate>true</Simulate>
<Names>{0}</Names><DividendTenors>1Y</DividendTenors></Equities></Market></Simulation>"""
SETUP = {
    "asofDate": LAST, "logFile": "log.txt", "logMask": "15", "marketDataFile": "market.txt",
    "fixingDataFile": "fixings.txt", "implyTodaysFixings": "N", "curveConfigFile": "curveconfig.xml",
    "conventionsFile": "conventions.xml", "marketConfigFile": "todaysmarket.xml",
    "pricingEnginesFile": "pricingengine.xml", "portfolioFile": "portfolio.xml",
    "observationModel": "None", "baseCurrency": "USD", "nThreads": "1",
}  # fmt: skip
ANALYTIC = {
    "active": "Y", "historicalScenarioFile": "scenarios.csv", "simulationConfigFile": "simulation.xml", "mporDays": "1",
    "mporCalendar": "XNYS", "mporOverlappingPeriods": "true", "quantiles": "0.01", "includeExpectedShortfall": "Y",
    "outputFile": "var.csv",
}  # fmt: skip


def write(folder: Path, books: int, instruments: int, scenarios: int) -> tuple[Any, Any]:
    """Every file of the run; quantities, shape (books, instruments), and spots, shape (scenarios + 1, instruments)."""
    from daybook import calendars

    generator = np.random.default_rng(7)
    days = calendars.sessions("XNYS", last=LAST)[-scenarios - 1 :]
    moves = 0.01 * (generator.standard_t(4, (scenarios, instruments)) + generator.standard_normal((scenarios, 1)))
    moves = np.log1p(np.clip(moves, -0.5, 1.0)).cumsum(axis=0)
    spot = np.round(100.0 * np.exp(np.vstack([np.zeros(instruments), moves])), 10)
    quantities = generator.integers(10, 1_000, (books, instruments))
    names = [f"EQ{n:03d}" for n in range(instruments)]
    inputs = folder / "ore"
    inputs.mkdir()
    market = [f"{LAST} EQUITY/PRICE/{name}/USD {at!r}" for name, at in zip(names, spot[-1].tolist(), strict=True)]
    market += [f"{LAST} ZERO/RATE/USD/USD/A365/{tenor} 0.0" for tenor in ("1Y", "10Y")]
    columns = ",".join(f"EquitySpot/{name}/0" for name in names)
    past = [f"Date,Scenario,Numeraire,{columns},DiscountCurve/USD/0,DiscountCurve/USD/1"]
    for day, at in zip(days, spot.tolist(), strict=True):
        past.append(f"{day:%d/%m/%Y},1,1,{','.join(map(repr, at))},1.0,1.0")
    trades = [
        TRADE.format(f"B{book}", name, units)
        for book, held in enumerate(quantities)
        for name, units in zip(names, held, strict=True)
    ]
    curves = "".join(f'<EquityCurve name="{name}">Equity/USD/{name}</EquityCurve>' for name in names)
    # A scenario is the move from one day to the next: the period that ORE asks for begins with its first end.
    period = {"historicalPeriod": f"{days[1]:%Y-%m-%d},{days[-1]:%Y-%m-%d}"}
    folders = {"inputPath": str(inputs), "outputPath": str(inputs / "out")}
    files = {
        "market.txt": "\n".join(market),
        "scenarios.csv": "\n".join(past),
        "fixings.txt": "",
        "conventions.xml": CONVENTIONS,
        "pricingengine.xml": ENGINES,
        "curveconfig.xml": f"<CurveConfiguration><YieldCurves>{YIELD}</YieldCurves><EquityCurves>"
        f"{''.join(map(EQUITY.format, names))}</EquityCurves></CurveConfiguration>",
        "todaysmarket.xml": MARKET.format(curves),
        "simulation.xml": SIMULATION.format("".join(f"<Name>{name}</Name>" for name in names)),
        "portfolio.xml": f"<Portfolio>{''.join(trades)}</Portfolio>",
        "ore.xml": f"<ORE><Setup>{_parameters(SETUP | folders)}</Setup><Markets>"
        f"{_parameters({'pricing': 'default', 'simulation': 'default'})}</Markets><Analytics><Analytic"
        f' type="historicalSimulationVar">{_parameters(ANALYTIC | period)}</Analytic></Analytics></ORE>',
    }
    for name, text in files.items():
        (inputs / name).write_text(text + "\n")
    return quantities, spot


def run(folder: Path) -> None:
    """One run, from the files to ``var.csv``."""
    import ORE

    parameters = ORE.Parameters()
    parameters.fromFile(str(folder / "ore" / "ore.xml"))
    app = ORE.OREApp(parameters, False)
    app.run()
    if errors := list(app.getErrors()):
        raise RuntimeError(f"ORE: {errors[0]}")


def figures(folder: Path) -> tuple[float, float]:
    """The quantile and the expected shortfall of all books together, both as P&L."""
    import pandas as pd

    found = pd.read_csv(folder / "ore" / "out" / "var.csv").iloc[0]
    return float(found["Quantile_0.010000"]), float(found["ExpectedShortfall_0.010000"])


def _parameters(values: dict[str, str]) -> str:
    return "".join(f'<Parameter name="{name}">{value}</Parameter>' for name, value in values.items())
