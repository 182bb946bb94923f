import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from daybook import tables
from daybook.risk import components, scenarios, var
from daybook.risk.models import Model
from daybook.risk.scenarios import age_weights
from tests.risk.firm import declared, firm
from tests.risk.test_risk_var import book, derivatives

MODELS = {
    "historical": Model("historical", confidences=(0.9, 0.95)),
    "age_weighted": Model("age_weighted", decay=0.97, confidences=(0.9, 0.95)),
    "monte_carlo": Model("monte_carlo", paths=40, confidences=(0.9, 0.95)),
    "parametric": Model("parametric", confidences=(0.9, 0.95)),
    "parametric with decay": Model("parametric", decay=0.97, confidences=(0.9, 0.95)),
    "parametric student t": Model(
        "parametric", distribution="student_t", degrees_of_freedom=5, confidences=(0.9, 0.95)
    ),
    "cornish_fisher": Model("cornish_fisher", confidences=(0.9, 0.95)),
    "cornish_fisher with decay": Model("cornish_fisher", decay=0.97, confidences=(0.9, 0.95)),
}
OF = np.array([0, 1, 0, 1, 1, 0])
MONEY = st.integers(-10_000, 10_000).map(float)


def whole_of(parts):
    return np.stack([parts[OF == i].sum(axis=0) for i in (0, 1)])


def attributed(parts, model):
    weights = age_weights(parts.shape[1], model.decay) if model.weighted else None
    whole = whole_of(parts)
    read = lambda pnl: var.figures(pnl, weights, model)[0]  # noqa: E731
    return (*components.attributed(whole, OF, parts.__getitem__, model, weights), read(whole), read)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=8, deadline=None)
@given(parts=arrays(np.float64, (6, 40), elements=MONEY))
def test_components_add_up_to_var_and_incremental_is_var_less_var_without(name, parts):
    component, incremental, figure, read = attributed(parts, MODELS[name])
    for i in (0, 1):
        scale = np.abs(component[OF == i]).sum(axis=0) + 1
        assert (np.abs(component[OF == i].sum(axis=0) - figure[i]) <= 1e-9 * scale).all()
    for j, i in enumerate(OF):
        without = read((whole_of(parts)[i] - parts[j])[None])[0]
        assert incremental[j] == pytest.approx(figure[i] - without, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].method in ("parametric", "cornish_fisher")])
def test_components_by_moments_are_the_derivative_of_var(name):
    draw = np.random.default_rng(5)
    parts = draw.standard_t(5, (6, 60)) * [[1], [2], [-3], [1], [4], [2]] + draw.gamma(1, 1, 60)
    component, _, _, read = attributed(parts, MODELS[name])
    for j, i in enumerate(OF):
        whole, step = whole_of(parts)[i], 1e-5
        slope = (read((whole + step * parts[j])[None]) - read((whole - step * parts[j])[None]))[0] / (2 * step)
        assert component[j] == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_a_part_of_a_long_list_is_taken_in_steps(monkeypatch):
    parts = np.random.default_rng(0).normal(size=(6, 40))
    for model in MODELS.values():
        at_once = attributed(parts, model)[:2]
        monkeypatch.setattr(components, "CELLS", 41)
        for one, other in zip(at_once, attributed(parts, model)[:2], strict=True):
            assert np.array_equal(one, other)
        monkeypatch.undo()


def test_weights_choose_the_scenario():
    # Weights 0.032, 0.16 and 0.808, oldest first: the worst scenario is too unlikely to be the tail of 0.05.
    weights = age_weights(3, 0.2)
    model = Model("age_weighted", decay=0.2, confidences=(0.5,))
    parts = np.array([[-9.0, -2.0, -1.0], [0.0, -1.0, 4.0]])
    component, incremental = components.attributed(
        parts.sum(axis=0, keepdims=True), np.array([0, 0]), parts.__getitem__, model, weights
    )
    # Ordered P&L is -9 (0.032), -3 (0.192), 3 (1.0): half of the weight is reached at the newest, 3.
    assert component.ravel().tolist() == [1.0, -4.0]
    # Without the first, -1, 0 and 4: VaR -4, so it adds -3 + 4; without the second it is 1.
    assert incremental.ravel().tolist() == [1.0, -4.0]


def test_a_perfect_hedge_has_no_var_and_no_components_by_moments():
    draw = np.random.default_rng(1).normal(size=40)
    parts = np.stack([draw, -draw])
    for name in ("parametric", "cornish_fisher"):
        component, incremental = components.attributed(
            np.zeros((1, 40)), np.array([0, 0]), parts.__getitem__, MODELS[name], None
        )
        assert component.tolist() == [[0.0, 0.0], [0.0, 0.0]]
        assert (incremental < 0).all()


def test_without_enough_scenarios_there_are_no_components():
    few = Model("monte_carlo", paths=40, confidences=(0.9, 0.99))
    parts = np.ones((1, 40))
    component, incremental = components.attributed(parts, np.array([0]), parts.__getitem__, few, None, sessions=20)
    assert np.isnan(component).tolist() == [[False, True]]
    assert np.isnan(incremental).tolist() == [[False, True]]
    none, _ = components.attributed(np.empty((1, 0)), np.array([0]), np.empty((1, 0)).__getitem__, few, None)
    assert np.isnan(none).all()


def by_position(inputs, method="historical", confidence=0.99):
    rows = components.components(scenarios.days(*inputs, declared()))
    return rows[rows["method"].eq(method) & rows["confidence"].eq(confidence)].set_index("instrument")


def test_positions_by_hand():
    result = by_position(book(100, ("A", "USD", 1000.0), ("CASH:EUR", "EUR", -100.0), ("CASH:USD", "USD", 1.0)))
    # Worst scenario: A -50 bp = -5, short EUR -10.
    assert result["component"].to_dict() == {"A": 5.0, "CASH:EUR": 10.0, "CASH:USD": 0.0}
    assert result["marginal"].to_dict() == {"A": 0.005, "CASH:EUR": -0.1, "CASH:USD": 0.0}
    assert result["incremental"].to_dict() == {"A": 5.0, "CASH:EUR": 10.0, "CASH:USD": 0.0}


def test_marginal_is_empty_where_the_value_is_zero():
    assert np.isnan(by_position(book(100, ("A", "USD", 0.0), ("E", "EUR", 10.0))).loc["A", "marginal"])


def test_a_forward_and_cash_in_its_currency_offset_each_other():
    result = by_position(derivatives(("W", "USD", -5.0, 1000.0), ("CASH:EUR", "EUR", -400.0, -400.0)))
    assert result["component"].to_dict() == {"CASH:EUR": 40.0, "W": -100.0}
    assert result["incremental"].to_dict() == {"CASH:EUR": 40.0, "W": -100.0}


def test_a_failed_book_has_no_components():
    assert components.components(scenarios.days(*book(100, ("A", "USD", 1000.0), status="failed"))).empty


def test_positions_add_up_under_every_model_and_a_gap_is_named():
    f = firm(2, seed=1, history=150)
    inputs, facts = (f.valuations, f.nav, f.returns, f.fx_rates, f.instruments, f.sessions), declared()
    days = list(scenarios.days(*inputs, facts))
    figures, parts = var.var(*inputs, facts), components.components(days)
    methods = {"age_weighted", "cornish_fisher", "factor", "filtered", "historical", "monte_carlo", "parametric"}
    assert set(parts["method"]) == methods
    assert components.identity_gaps(figures, parts).empty
    alone = components.components(scenarios.days(*inputs[:-1], f.sessions[1:], facts))
    assert alone.equals(parts[parts["business_date"].eq(f.sessions[1])].reset_index(drop=True))
    # Without a position nothing else changes: the brute force is VaR of the book that does not have it.
    rest = f.valuations.loc[~(f.valuations["book"].eq("beta") & f.valuations["instrument"].eq("I05"))]
    key = ["business_date", "method", "confidence"]
    left, whole = (
        rows[rows["book"].eq("beta")].set_index(key)["var"] for rows in (var.var(rest, *inputs[1:], facts), figures)
    )
    one = parts.query("book == 'beta' and instrument == 'I05'").set_index(key)["incremental"]
    assert np.allclose(one, (whole - left).reindex(one.index), atol=1e-5)
    spoiled = parts.assign(component=parts["component"].where(parts["instrument"].ne("I05"), -parts["component"]))
    assert len(components.identity_gaps(figures, spoiled)) == len(figures)
    assert len(components.identity_gaps(figures, tables.empty("var_components"))) == len(figures)
