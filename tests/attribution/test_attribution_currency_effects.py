import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daybook.attribution import currency_effects
from daybook.attribution.currency_effects import METHODS, Sides

FIGURES = [name for name in Sides.__dataclass_fields__ if name not in ("whole", "from_benchmark")]


def sides(*, from_benchmark=False, whole=None, **columns):
    """Two currencies, the base currency last; what is not given is 0."""
    count = len(next(iter(columns.values())))
    found = {name: np.array(columns.get(name, [0.0] * count), float) for name in FIGURES}
    return Sides(
        whole=np.array(whole if whole is not None else [0] * count, np.int64),
        from_benchmark=np.full(count, from_benchmark),
        **found,
    )


# Dollars and euros of a book in EUR: 60 % earn 5 % in USD, which gain 2 %; 40 % lose 0.75 % at home. The benchmark has
# half in each, at 4 % and 1 %. Forwards sell dollars for 40 % of the book: they lose 0.8 %.
EXAMPLE = {
    "weight": [0.6, 0.4],
    "local": [0.03, -0.003],
    "base": [0.6 * (1.05 * 1.02 - 1), -0.003],
    "hedge_weight": [-0.4, 0.4],
    "hedged": [-0.008, 0.0],
    "benchmark_weight": [0.5, 0.5],
    "benchmark_local": [0.02, 0.005],
    "benchmark_base": [0.5 * (1.04 * 1.02 - 1), 0.005],
    "currency_return": [0.02, 0.0],
}
ACTIVE = 0.0426 - 0.003 - 0.008 - 0.0304 - 0.005


def test_ankrim_hensel_by_hand():
    found = currency_effects.ankrim_hensel(sides(**EXAMPLE))
    # Local returns are 7.1 - 2 and -0.75 % against 6.08 - 2 and 1 %, 2.54 % in all; a currency gains 1 % on average.
    assert found.portfolio_return == pytest.approx([0.051, -0.0075])
    assert found.benchmark_return == pytest.approx([0.0408, 0.01])
    assert found.allocation == pytest.approx([0.1 * (0.0408 - 0.0254), -0.1 * (0.01 - 0.0254)])
    assert found.selection == pytest.approx([0.5 * (0.051 - 0.0408), 0.5 * (-0.0075 - 0.01)])
    assert found.interaction == pytest.approx([0.1 * (0.051 - 0.0408), -0.1 * (-0.0075 - 0.01)])
    assert found.currency == pytest.approx([0.1 * (0.02 - 0.01), -0.1 * (0.0 - 0.01)])
    assert found.hedge == pytest.approx([-0.008 + 0.4 * 0.01, -0.4 * 0.01])
    assert found.premium.tolist() == [0.0, 0.0]
    assert found.total.sum() == pytest.approx(ACTIVE)


def test_karnosky_singer_by_hand():
    # Deposits pay 0.1 % in USD and 0.3 % in EUR: a forward on dollars is at a premium of 1.003 / 1.001 - 1.
    rates = {"deposit_return": [0.001, 0.003], "forward_premium": [1.003 / 1.001 - 1, 0.0]}
    found = currency_effects.karnosky_singer(sides(**EXAMPLE, **rates))
    assert found.portfolio_return == pytest.approx([0.05, -0.0075])
    assert found.benchmark_return == pytest.approx([0.04, 0.01])
    # Premiums 4.9 and -1.05 % against 3.9 and 0.7 %, 2.3 % in all.
    assert found.allocation == pytest.approx([0.1 * (0.039 - 0.023), -0.1 * (0.007 - 0.023)])
    assert found.selection == pytest.approx([0.5 * 0.01, 0.5 * -0.0175])
    assert found.interaction == pytest.approx([0.1 * 0.01, -0.1 * -0.0175])
    # A deposit in dollars gained 1.001 x 1.02 - 1 = 2.102 %, the benchmark's half of each 1.201 %; premiums compound.
    compounded = 0.02 * (0.6 * 0.049 - 0.5 * 0.039)
    assert found.currency == pytest.approx([0.1 * (0.02102 - 0.01201) + compounded, -0.1 * (0.003 - 0.01201)])
    # The forwards lost 0.8 % where fair ones lose 0.4 x (2.102 - 0.3) %.
    luck = -0.008 + 0.4 * (0.02102 - 0.003)
    assert found.hedge == pytest.approx([-0.4 * (0.02102 - 0.01201) + luck, 0.4 * (0.003 - 0.01201)])
    assert found.total.sum() == pytest.approx(ACTIVE)


def test_a_fair_forward_earns_what_a_deposit_in_its_currency_earns_beyond_one_at_home():
    # 2 % in the currency, which gains 5 %, against 1.02 x 1.01 - 1 = 3.02 % at home.
    found = currency_effects.forward_return(np.array([0.05, 0.0]), np.array([0.02, 0.0302]), np.array([0.01, 0.0]))
    assert found == pytest.approx([1.02 * 1.05 - 1.0302, 0.0])


def test_geometric_by_hand():
    rates = {"deposit_return": [0.001, 0.003], "forward_premium": [0.002, 0.0]}
    found = currency_effects.factors(sides(**EXAMPLE, **rates))
    # Local: 2.7 % against 2.5 %; the benchmark's parts at the book's weights make 2.8 %. Hedged, dollars make 4.208 %.
    assert found.allocation == pytest.approx([0.1 * (1.04208 / 1.025 - 1), -0.1 * (1.01 / 1.025 - 1)])
    assert found.selection == pytest.approx([0.6 * 0.01 / 1.028, 0.4 * -0.0175 / 1.028])
    hedged = 1.025 + 0.1 * 0.04208 - 0.1 * 0.01
    assert found.premium == pytest.approx([0.1 * (0.04 - 0.04208) / hedged, 0.0])
    by_currency = 1.0354 / 1.025 - 1
    held = (0.0426 - 0.03) / 1.027 - (0.0304 - 0.02) / 1.025
    assert found.currency == pytest.approx(
        [(held - 0.1 * by_currency) / (1 + by_currency), 0.1 * by_currency / (1 + by_currency)]
    )
    assert found.hedge == pytest.approx(
        [(-0.008 / 1.027 + 0.4 * by_currency) / (1 + by_currency), -0.4 * by_currency / (1 + by_currency)]
    )
    kinds = (found.allocation, found.selection, found.premium, found.currency + found.hedge)
    assert np.prod([1 + kind.sum() for kind in kinds]) == pytest.approx(1.0316 / 1.0354)
    assert currency_effects.geometric(sides(**EXAMPLE, **rates)).total.sum() == pytest.approx(ACTIVE)


def test_a_geometric_step_over_the_fund_before_it_is_its_factor():
    given_sides = sides(**EXAMPLE)
    found, steps = currency_effects.factors(given_sides), currency_effects.geometric(given_sides)
    fund = 1.0354
    for kind in ("allocation", "selection", "premium", "currency"):
        effect = getattr(steps, kind) + (steps.hedge if kind == "currency" else 0)
        factor = getattr(found, kind) + (found.hedge if kind == "currency" else 0)
        assert effect / fund == pytest.approx(factor)
        fund += effect.sum()
    assert fund == pytest.approx(1.0316)


def test_a_currency_that_the_benchmark_lacks():
    columns = {"weight": [0.25, 0.75], "local": [0.02, 0.03], "base": [0.02, 0.03], "benchmark_weight": [0.0, 1.0]}
    columns |= {"benchmark_local": [0.0, 0.02], "benchmark_base": [0.0, 0.02]}
    own = currency_effects.karnosky_singer(sides(**columns))
    # It returned 8 % where the benchmark did 2 %: all of it is weighting, or all of it choice, as is declared.
    assert own.allocation == pytest.approx([0.25 * 0.06, 0.0])
    assert own.interaction == pytest.approx([0.0, -0.25 * 0.02])
    assert np.isnan(own.benchmark_return[0])
    theirs = currency_effects.karnosky_singer(sides(**columns, from_benchmark=True))
    assert theirs.allocation == pytest.approx([0.0, 0.0])
    assert theirs.interaction == pytest.approx([0.25 * 0.06, -0.25 * 0.02])


def test_a_benchmark_that_is_hedged_and_a_book_that_is_not():
    # Nothing but dollars, which gain 2 %; the benchmark sold them all.
    columns = {"weight": [1.0, 0.0], "base": [0.02, 0.0], "benchmark_weight": [1.0, 0.0], "benchmark_base": [0.02, 0.0]}
    columns |= {"benchmark_hedge_weight": [-1.0, 1.0], "benchmark_hedged": [-0.02, 0.0], "currency_return": [0.02, 0.0]}
    for method in METHODS.values():
        found = method(sides(**columns))
        assert found.hedge.sum() == pytest.approx(0.02)
        assert (found.total - found.hedge).sum() == pytest.approx(0.0, abs=1e-15)


def test_active_currencies_are_judged_against_the_hedged_benchmark():
    # Dollars gain 2 %. The benchmark has half in them and sold half of that: its currencies gain 0.5 %.
    columns = {
        "weight": [0.6, 0.4],
        "base": [0.012, 0.0],
        "benchmark_weight": [0.5, 0.5],
        "benchmark_base": [0.01, 0.0],
    }
    columns |= {"benchmark_hedge_weight": [-0.25, 0.25], "benchmark_hedged": [-0.005, 0.0]}
    given_sides = sides(**columns, currency_return=[0.02, 0.0])
    found = currency_effects.karnosky_singer(given_sides)
    assert found.currency == pytest.approx([0.1 * (0.02 - 0.005), -0.1 * (0.0 - 0.005)])
    assert found.hedge == pytest.approx([0.25 * (0.02 - 0.005), -0.25 * (0.0 - 0.005)])
    found = currency_effects.factors(given_sides)
    assert found.currency == pytest.approx([0.1 * (0.02 - 0.005) / 1.005, 0.1 * 0.005 / 1.005])
    assert found.hedge == pytest.approx([0.25 * (0.02 - 0.005) / 1.005, 0.25 * 0.005 / 1.005])


def test_one_currency_has_no_currency_effect():
    columns = {"weight": [1.0], "local": [0.03], "base": [0.03], "benchmark_weight": [1.0]}
    columns |= {"benchmark_local": [0.01], "benchmark_base": [0.01], "deposit_return": [0.001]}
    for method in METHODS.values():
        found = method(sides(**columns))
        assert (found.currency, found.hedge, found.premium, found.allocation) == (0, 0, 0, 0)
        assert found.selection == pytest.approx(0.02)


def test_a_fund_that_loses_all_has_no_geometric_effects():
    columns = {"weight": [1.0, 1.0], "local": [-1.2, 0.1], "base": [-1.2, 0.1], "benchmark_weight": [1.0, 1.0]}
    found = currency_effects.geometric(sides(**columns, whole=[0, 1]))
    for kind in ("allocation", "selection", "interaction", "premium", "currency", "hedge", "total"):
        assert np.isnan(getattr(found, kind)).tolist() == [True, False]
    assert np.isfinite(currency_effects.ankrim_hensel(sides(**columns, whole=[0, 1])).total).all()


def test_nothing_at_all():
    none = sides(weight=[])
    assert [len(method(none).total) for method in METHODS.values()] == [0, 0, 0]


@st.composite
def worlds(draw):
    """Two books over three currencies of any weights; each book's weights add up to 1, its hedges to 0."""
    number = st.integers(-2_000_000, 2_000_000).map(lambda value: value / 1_000_000)
    small = st.floats(-0.2, 0.2, allow_nan=False)

    def three(values, total):
        first, second = draw(values), draw(values)
        return [first, second, round(total - first - second, 6)]

    def both(make):
        return make() + make()

    weights = {name: both(lambda: three(number, 1.0)) for name in ("weight", "benchmark_weight")}
    hedges = {name: both(lambda: three(number, 0.0)) for name in ("hedge_weight", "benchmark_hedge_weight")}
    names = ("local", "base", "hedged", "currency_return", "deposit_return", "forward_premium")
    rest = {name: [draw(small) for _ in range(6)] for name in names}
    shape = np.array(weights["benchmark_weight"]) != 0  # what has no weight earns nothing
    for name in ("benchmark_local", "benchmark_base", "benchmark_hedged"):
        rest[name] = (np.array([draw(small) for _ in range(6)]) * shape).tolist()
    # Parity holds: a deposit at home and one abroad, hedged, make the same.
    home = np.repeat(draw(small), 6)
    rest["deposit_return"] = ((1 + home) / (1 + np.array(rest["forward_premium"])) - 1).tolist()
    return sides(whole=[0, 0, 0, 1, 1, 1], from_benchmark=draw(st.booleans()), **weights, **hedges, **rest)


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_every_method_explains_all_of_the_active_return(world):
    active = np.bincount(world.whole, world.base + world.hedged - world.benchmark_base - world.benchmark_hedged)
    for name, method in METHODS.items():
        effects = method(world)
        found = np.bincount(world.whole, effects.total)
        defined = np.isfinite(found)
        assert defined.all() or name == "geometric"
        # Notional funds pass through returns of 1e5 where a benchmark's long and short nearly cancel.
        size = np.bincount(world.whole, np.nan_to_num(np.abs(effects.allocation))).max() if name == "geometric" else 0
        assert np.allclose(found[defined], active[defined], rtol=0, atol=1e-12 * (1 + size))
