"""Public bug reports about purchase models: overflow, one-time buyers for ever alive, months counted twice.

Inputs and values follow the reports; they are not to be changed. `heavy_buyers/expected.json` is 50-digit arithmetic (mpmath) of
the published formulas: equation 10 of Fader, Hardie, Lee 2005 for BG/NBD, P(alive) of MBG/NBD, and Pareto/NBD by integrating
over the moment of leaving.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clv_pipeline.btyd import (
    BGNBD,
    MBGNBD,
    GammaGamma,
    ParetoNBD,
    PurchaseModel,
    compress,
    discounted_purchases,
    discounted_value,
    fit_best,
)
from clv_pipeline.features.btyd_features import PurchaseHistory, purchase_value

MODELS: dict[str, Any] = {"bg_nbd": BGNBD, "mbg_nbd": MBGNBD, "pareto_nbd": ParetoNBD}
HEAVY = json.loads(Path(__file__).with_name("heavy_buyers").joinpath("expected.json").read_text())
#: purchases, time of the last one, age in days
HISTORIES = [np.array(v, float) for v in ([0, 2, 9, 40], [0, 50, 600, 1000], [400, 380, 640, 1010])]
IN_WEEKS = [HISTORIES[0], HISTORIES[1] / 7, HISTORIES[2] / 7]


@pytest.mark.parametrize("name", MODELS)
def test_heavy_buyers_have_finite_and_exact_answers(name: str) -> None:
    cases = [case for case in HEAVY if case["model"] == name]
    assert len(cases) > 10
    for case in cases:
        model, history = MODELS[name](*case["par"]), [np.array([float(case[k])]) for k in ("x", "tx", "T")]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            alive = model.probability_alive(*history)[0]
            orders = model.expected_purchases(case["h"], *history)[0]
            buys = model.probability_purchase(case["h"], *history)[0]
        assert 0 <= alive <= 1 and 0 <= buys <= min(alive, orders) + 1e-9, case
        assert [alive, orders] == pytest.approx([case["alive"], case["orders"]], rel=1e-6, abs=1e-9), case


@pytest.fixture(scope="module")
def process() -> tuple[PurchaseModel, np.ndarray, np.ndarray, np.ndarray]:
    """The model that is fitted to 3,000 histories of an MBG process, and their purchases, last purchases and ages."""
    rng = np.random.default_rng(4)
    n = 3000
    rate, leaving, age = rng.gamma(0.8, 1 / 40, n), rng.beta(1.0, 1.5, n), rng.uniform(30, 1100, n)
    purchases, last = np.zeros(n), np.zeros(n)
    for i in range(n):
        at = 0.0
        while rng.random() > leaving[i]:
            at += rng.exponential(1 / rate[i])
            if at > age[i]:
                break
            purchases[i] += 1
            last[i] = at
    last = np.where(purchases > 0, np.maximum(np.round(last), 1), 0)
    age = np.maximum(np.ceil(age), last + 1)
    fitted = fit_best(compress(purchases, last, age))
    assert fitted.model is not None, fitted.reason
    return fitted.model, purchases, last, age


def test_a_one_time_buyer_fades_with_the_time_since(process: tuple[PurchaseModel, Any, Any, Any]) -> None:
    alive = process[0].probability_alive(np.zeros(4), np.zeros(4), np.array([3.0, 30, 365, 1095]))
    assert (np.diff(alive) < 0).all()
    assert alive[0] > 0.5 and alive[-1] < 0.35


def test_one_purchase_says_less_than_five(process: tuple[PurchaseModel, Any, Any, Any]) -> None:
    _, purchases, last, age = process
    rng = np.random.default_rng(4)
    n = len(purchases)
    spread = rng.gamma(4, 1 / 4, n)
    mean = 40 * rng.gamma(6 * (purchases + 1), 1 / (6 * (purchases + 1))) * spread

    def expected(repeats: list[float], values: list[float]) -> np.ndarray:
        history = PurchaseHistory(
            pd.Series(range(n + len(repeats))),
            np.append(purchases, repeats),
            np.append(last, np.where(np.array(repeats) > 0, 100.0, 0)),
            np.append(age, [200.0] * len(repeats)),
            np.append(mean, values),
            0.0,
        )
        return np.asarray(purchase_value(history))

    found = expected([0, 0, 0, 0, 4], [5, 50, 500, 40, 40])
    small, middle, large, once, often = found[-5:]
    everybody = float(found[:-5].mean())
    assert small < middle < large
    assert 5 < small < everybody < large < 500
    assert abs(often - 40) <= abs(once - 40) + 1e-9


@pytest.mark.parametrize(
    ("in_days", "in_weeks"),
    [
        (MBGNBD(0.5, 40.0, 0.7, 2.0), MBGNBD(0.5, 40.0 / 7, 0.7, 2.0)),
        (ParetoNBD(0.6, 45.0, 0.6, 200.0), ParetoNBD(0.6, 45 / 7, 0.6, 200 / 7)),
    ],
    ids=["MBG/NBD", "Pareto/NBD"],
)
def test_discounting_counts_each_purchase_once_in_any_unit(in_days: PurchaseModel, in_weeks: PurchaseModel) -> None:
    plain = in_days.expected_purchases(1095, *HISTORIES)
    assert discounted_purchases(in_days, 1095, *HISTORIES, yearly_rate=0.0) == pytest.approx(plain, rel=1e-9)
    found = discounted_purchases(in_days, 1095, *HISTORIES, yearly_rate=0.10)
    weekly = discounted_purchases(in_weeks, 1095 / 7, *IN_WEEKS, yearly_rate=0.10, units_per_year=365.25 / 7)
    assert weekly == pytest.approx(found, rel=1e-3)
    up_to = np.array([in_days.expected_purchases(day, *HISTORIES) for day in range(1096)])
    daily = (np.diff(up_to, axis=0) * (1.1 ** (-(np.arange(1095) + 0.5) / 365.25))[:, None]).sum(axis=0)
    assert found == pytest.approx(daily, rel=1e-2)
    assert ((found < plain) & (found > plain * 1.1**-3)).all()
    worth, values = GammaGamma(6.0, 4.0, 20.0), np.array([0.0, 30, 30, 30])
    total = discounted_value(in_days, worth, 1095, *HISTORIES, values, yearly_rate=0.1)
    assert total == pytest.approx(found * worth.expected_average_value(HISTORIES[0], values))


@pytest.mark.parametrize("wrong", [{"yearly_rate": -1.0}, {"horizon": -5}])
def test_discounting_refuses_what_makes_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        discounted_purchases(
            MBGNBD(0.5, 40.0, 0.7, 2.0), wrong.get("horizon", 10), *HISTORIES, yearly_rate=wrong.get("yearly_rate", 0.1)
        )
