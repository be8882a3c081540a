"""The share of a budget that reaches a level, by interpolation."""

import math

import pytest
from hypothesis import given, strategies as st

from limbeck.evaluation import first_reached

BUDGETS = st.lists(st.floats(1e-4, 1, allow_nan=False), min_size=2, max_size=6, unique=True).map(sorted)


@st.composite
def curves(draw):
    budgets = draw(BUDGETS)
    quality = draw(st.lists(st.floats(0, 1, allow_nan=False), min_size=len(budgets), max_size=len(budgets)))
    return budgets, quality, draw(st.floats(0, 1, allow_nan=False))


def test_by_hand():
    """Half way in accuracy is half way in the logarithm of the budget."""
    assert first_reached([0.25, 1.0], [0.80, 0.90], 0.85) == pytest.approx(0.5)
    assert first_reached([0.01, 0.1, 1.0], [0.6, 0.8, 0.9], 0.75) == pytest.approx(10**-1.25)


def test_a_budget_that_reaches_it_exactly_is_the_answer():
    assert first_reached([0.25, 0.5, 1.0], [0.8, 0.85, 0.9], 0.85) == pytest.approx(0.5)


def test_the_smallest_budget_is_an_upper_bound():
    assert first_reached([0.25, 0.5, 1.0], [0.8, 0.85, 0.9], 0.8) == 0.25
    assert first_reached([0.25, 0.5, 1.0], [0.8, 0.85, 0.9], 0.1) == 0.25


def test_what_is_never_reached_is_none():
    assert first_reached([0.25, 0.5, 1.0], [0.8, 0.85, 0.9], 0.91) is None


def test_the_first_time_counts():
    assert first_reached([0.25, 0.5, 1.0], [0.8, 0.9, 0.7], 0.9) == pytest.approx(0.5)


@given(curves())
def test_none_exactly_where_every_point_is_below(curve):
    budgets, quality, wanted = curve
    assert (first_reached(budgets, quality, wanted) is None) == (max(quality) < wanted)


@given(curves())
def test_it_lies_between_the_last_point_below_and_the_first_that_reaches_it(curve):
    budgets, quality, wanted = curve
    found = first_reached(budgets, quality, wanted)
    if found is None:
        return
    index = next(index for index, value in enumerate(quality) if value >= wanted)
    low, high = budgets[max(index - 1, 0)], budgets[index]
    assert low * (1 - 1e-9) <= found <= high * (1 + 1e-9)


@given(curves(), st.floats(0, 1, allow_nan=False))
def test_a_higher_level_takes_no_smaller_budget(curve, other):
    budgets, quality, wanted = curve
    low, high = (first_reached(budgets, quality, level) or math.inf for level in sorted((wanted, other)))
    assert low <= high * (1 + 1e-9)


@given(curves(), st.floats(1e-3, 1e3))
def test_the_unit_of_the_budget_does_not_matter(curve, unit):
    budgets, quality, wanted = curve
    found = first_reached(budgets, quality, wanted)
    scaled = first_reached([unit * budget for budget in budgets], quality, wanted)
    assert scaled is None if found is None else scaled == pytest.approx(unit * found)
