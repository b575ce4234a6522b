"""Gain from modelling regularity: MBG/CNBD-k against MBG/NBD on made-up customers of known regularity, out of time.

Customers come at Erlang-k waiting times and may leave after each purchase; the models learn from all but the last days and
say how many will come in these, and who. At k = 1 waiting times are random and the two models are the same.

    .venv/bin/python -m benchmarks.rhythm
"""

import argparse
import sys
from dataclasses import dataclass

import numpy as np

from clv_pipeline.btyd import MBGNBD, MBGCNBDk, PurchaseModel, PurchaseSummary, compress
from clv_pipeline.modeling.metrics import log_loss, spearman

DAYS, HOLDOUT = 820, 90
REGULARITIES = (1, 2, 3, 4)


@dataclass(frozen=True)
class Split:
    """Data before the holdout (one entry per customer), and the number of purchases of each in it."""

    past: tuple[np.ndarray, np.ndarray, np.ndarray]
    summary: PurchaseSummary
    purchases: np.ndarray


def made_up_split(k: int, customers: int, seed: int = 1) -> Split:
    """Return customers with a rate, a leaving probability and a first day of their own, cut before the holdout."""
    draw = np.random.default_rng(seed)
    cut, rows, log_gaps = DAYS - HOLDOUT, [], 0.0
    for _ in range(customers):
        rate, leaves, day = draw.gamma(2, 1 / 60), draw.beta(0.8, 6), float(draw.integers(0, 500))
        days = [int(day)]
        while draw.random() >= leaves and (day := day + draw.gamma(k, 1 / (k * rate))) < DAYS:
            if int(day) > days[-1]:
                days.append(int(day))
        before = [d for d in days if d < cut]
        log_gaps += float(np.log(np.diff(before)).sum())
        rows.append((len(before) - 1, before[-1] - before[0], cut - before[0], len(days) - len(before)))
    x, t_x, age, purchases = np.array(rows, dtype=np.float64).T
    return Split((x, t_x, age), compress(x, t_x, age, log_gap_sum=log_gaps), purchases)


def skill(model: PurchaseModel, split: Split) -> tuple[float, float, float]:
    """Return rank correlation of expected and real purchases, log loss of buying at all, and the total's error."""
    expected = model.expected_purchases(HOLDOUT, *split.past)
    bought = (split.purchases > 0).astype(np.float64)
    return (
        spearman(split.purchases, expected),
        log_loss(bought, model.probability_purchase(HOLDOUT, *split.past)),
        float(expected.sum() / split.purchases.sum() - 1),
    )


def main() -> None:
    """Print one line a company and model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=4000)
    customers = parser.parse_args().customers
    for k in REGULARITIES:
        split = made_up_split(k, customers)
        for kind in (MBGNBD, MBGCNBDk):
            fit = kind.fit(split.summary)
            if fit.model is None:
                sys.stdout.write(f"k = {k}  {kind.name}: {fit.reason}\n")
                continue
            rank, loss, bias = skill(fit.model, split)
            found = f"finds k = {fit.model.stages}"
            sys.stdout.write(
                f"k = {k}  {kind.name:<11} {found}  Spearman {rank:.3f}  log loss {loss:.4f}  total {bias:+.1%}\n"
            )


if __name__ == "__main__":
    main()
