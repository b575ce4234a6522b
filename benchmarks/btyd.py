"""Cost of fitting a buy-till-you-die model and of every prediction for every customer, relative to one sort.

The floor is sorting the same (frequency, recency, age) rows once, which any compression into distinct rows must do.

    .venv/bin/python -m benchmarks.btyd --customers 1000000

Target at one million customers: fit under 15 s of CPU, the expectations of one horizon under 5 s.
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from clv_pipeline.btyd import MBGNBD, MBGCNBDk, ParetoNBD, compress, discounted_purchases, median_wait

T = TypeVar("T")
DAYS = 730


def made_up_histories(customers: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return repeats, days from first to last purchase, and days since the first, of Pareto/NBD customers over two years."""
    draw = np.random.default_rng(seed)
    age = draw.integers(1, DAYS, customers).astype(float)
    active = np.minimum(age, draw.exponential(1 / draw.gamma(1.5, 1 / 400, customers)))
    repeats = draw.poisson(draw.gamma(0.8, 1 / 40, customers) * active).astype(float)
    # the last of n uniform days of the active time
    recency = np.where(repeats > 0, np.ceil(active * draw.random(customers) ** (1 / np.maximum(repeats, 1))), 0.0)
    return repeats, np.minimum(recency, age), age


def timed(label: str, work: Callable[[], T], floor: float | None = None) -> tuple[T, float]:
    """Do the work, print its CPU seconds (and how many times the floor that is), return what it returned."""
    start = time.process_time()
    found = work()
    seconds = time.process_time() - start
    ratio = f"  {seconds / floor:6.1f}x the sort" if floor else ""
    sys.stdout.write(f"{label:<52} {seconds:7.2f} s CPU{ratio}\n")
    return found, seconds


def main() -> None:
    """Print one line a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    past = made_up_histories(parser.parse_args().customers)
    _, floor = timed("sort the rows once", lambda: np.lexsort(past))
    repeats, recency, _ = past
    # waits that are all equal, for which the rhythm-aware model has the most to compute
    gaps = float(np.sum(repeats * np.log(np.maximum(recency, 1) / np.maximum(repeats, 1))))
    summary, _ = timed("compress to distinct rows", lambda: compress(*past, log_gap_sum=gaps), floor)
    sys.stdout.write(f"{len(past[0]):,} customers, {len(summary):,} distinct rows\n")
    for kind in (MBGNBD, MBGCNBDk, ParetoNBD):
        fit, _ = timed(f"{kind.__name__}: fit", lambda kind=kind: kind.fit(summary), floor)
        model = fit.model
        if model is None:
            sys.stdout.write(f"{kind.__name__}: {fit.reason}\n")
            continue
        timed(f"{kind.__name__}: expected purchases in 90 days", lambda m=model: m.expected_purchases(90, *past), floor)
        timed(f"{kind.__name__}: P(alive)", lambda m=model: m.probability_alive(*past), floor)
        timed(f"{kind.__name__}: P(purchase in 90 days)", lambda m=model: m.probability_purchase(90, *past), floor)
        timed(
            f"{kind.__name__}: discounted purchases of 3 years",
            lambda m=model: discounted_purchases(m, 1095, *past),
            floor,
        )
        timed(
            f"{kind.__name__}: median wait for the next one", lambda m=model: median_wait(m, *past, longest=1095), floor
        )


if __name__ == "__main__":
    main()
