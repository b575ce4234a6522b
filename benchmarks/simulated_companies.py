"""Totals, errors and contradictions on simulated companies of known futures: small shops, plans, key accounts, marketplaces.

Each company is run as a user would (`clv run`), and what it published is compared with what the same process brings in the
days after as_of. One line a company and one a kind: the total's error, WAPE, whether the total's interval holds it, buyers
inside the interval if they buy, and how many customers contradict themselves.

    .venv/bin/python -m benchmarks.simulated_companies --companies 20 --kinds shop
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

AS_OF, HORIZON, DAYS = date(2024, 6, 1), 90, 548
_TOML = 'name = "a simulated company"\ntime_zone = "Europe/Berlin"\ncurrency = "EUR"\n'


@dataclass(frozen=True)
class Company:
    """Orders before as_of, and what each customer spends in the horizon after it; customers without an order are unknown."""

    orders: pd.DataFrame
    future: pd.Series


def _customers(generator: np.random.Generator, count: int, purchases: Callable[[int], list[float]]) -> Company:
    """Return a company of customers whose days of purchase, counted from the start of the history, `purchases` draws."""
    rows, future = [], {}
    for number in range(count):
        mean = float(generator.lognormal(3.7, 0.5))
        days = sorted({int(day) for day in purchases(number)})
        amounts = np.round(mean * generator.gamma(4, 1 / 4, len(days)), 2)
        before = [(day, amount) for day, amount in zip(days, amounts, strict=True) if day < DAYS]
        rows += [(f"C{number:05d}", day, float(amount)) for day, amount in before]
        if before:
            future[f"C{number:05d}"] = float(sum(amounts[np.array(days) >= DAYS]))
    return _company(rows, future)


def _company(rows: list[tuple[str, int, float]], future: dict[str, float]) -> Company:
    orders = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    first = AS_OF - timedelta(days=DAYS)
    orders["ordered_at"] = [f"{first + timedelta(days=int(day))} 12:00:00" for day in orders["day"]]
    orders["order_id"] = [f"O{number:06d}" for number in range(len(orders))]
    return Company(orders[["order_id", "customer_id", "ordered_at", "amount"]], pd.Series(future))


def _random_purchases(
    generator: np.random.Generator, rate: tuple[float, float], leaving: tuple[float, float], season: float = 0.0
) -> Callable[[int], list[float]]:
    """Return purchases at a gamma rate, thinned to a December of 1 + season; after each the customer may leave."""

    def draw(number: int) -> list[float]:
        pace, leaves, day = generator.gamma(rate[0], 1 / rate[1]), generator.beta(*leaving), generator.uniform(0, DAYS)
        days = [day]
        while (
            generator.random() >= leaves
            and (day := day + generator.exponential(1 / (pace * (1 + season)))) < DAYS + HORIZON
        ):
            month = (AS_OF - timedelta(days=DAYS) + timedelta(days=int(day))).month
            if generator.random() < (1.0 if month in (11, 12) else 1 / (1 + season)):
                days.append(day)
        return days

    return draw


def shop(seed: int, customers: int) -> Company:
    """Return a small shop; a third of its customers buy once."""
    generator = np.random.default_rng(seed)
    return _customers(generator, customers, _random_purchases(generator, (1.0, 40.0), (1.0, 2.0)))


def grocer(seed: int, customers: int) -> Company:
    """Return a grocer, whose customers come every week or two and seldom leave."""
    generator = np.random.default_rng(seed)
    return _customers(generator, customers, _random_purchases(generator, (3.0, 30.0), (0.6, 30.0)))


def clothes(seed: int, customers: int) -> Company:
    """Return a clothes shop whose last weeks of the year are twice as strong."""
    generator = np.random.default_rng(seed)
    return _customers(generator, customers, _random_purchases(generator, (1.0, 60.0), (0.8, 4.0), season=1.0))


def marketplace(seed: int, customers: int) -> Company:
    """Return a marketplace where nearly everybody buys once."""
    generator = np.random.default_rng(seed)
    return _customers(generator, customers, _random_purchases(generator, (0.5, 60.0), (30.0, 1.0)))


def plan(seed: int, customers: int) -> Company:
    """Return subscribers who pay one price every month, three of a hundred leaving after each payment."""
    generator = np.random.default_rng(seed)
    rows, future = [], {}
    for number in range(customers):
        day, name = float(generator.integers(0, DAYS)), f"C{number:05d}"
        future[name] = 0.0
        while day < DAYS + HORIZON:
            if day < DAYS:
                rows.append((name, round(day), 9.99))
            else:
                future[name] += 9.99
            if generator.random() < 0.03:
                break
            day += 30.4
    return _company(rows, future)


def key_account(seed: int, customers: int) -> Company:
    """Return a distributor half of whose revenue is one customer, who orders every week."""
    small = shop(seed, customers)
    generator = np.random.default_rng(seed + 1000)
    each = float(small.future.sum()) / (HORIZON / 7)
    orders = small.orders.drop(columns="order_id")
    first = AS_OF - timedelta(days=DAYS)
    days = range(3, DAYS + HORIZON, 7)
    amounts = np.round(each * generator.uniform(0.7, 1.3, len(days)), 2)
    mine = [
        ("ACCOUNT", f"{first + timedelta(days=day)} 12:00:00", float(amount))
        for day, amount in zip(days, amounts, strict=True)
        if day < DAYS
    ]
    orders = pd.concat([orders, pd.DataFrame(mine, columns=["customer_id", "ordered_at", "amount"])], ignore_index=True)
    future = pd.concat([small.future, pd.Series({"ACCOUNT": float(sum(amounts[np.array(days) >= DAYS]))})])
    return Company(orders.assign(order_id=[f"O{number:06d}" for number in range(len(orders))]), future)


KINDS: dict[str, Callable[[int, int], Company]] = {
    "shop": shop, "grocer": grocer, "clothes": clothes, "marketplace": marketplace, "plan": plan, "key_account": key_account,
}  # fmt: skip

_CONTRADICTIONS = """
select count(*) from customer_clv
where not predicted_spend_90d between predicted_spend_low_90d and predicted_spend_high_90d
    or not typical_spend_90d between predicted_spend_low_90d and predicted_spend_high_90d
    or not spend_if_buying_typical_90d between spend_if_buying_low_90d and spend_if_buying_high_90d
    or predicted_spend_180d < predicted_spend_90d or purchase_probability_180d < purchase_probability_90d
    or lifetime_spend < predicted_spend_180d
"""


def measured(company: Company) -> dict[str, float] | str:
    """Return the figures of one company, or what the run said if it was red."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "source").mkdir()
        (root / "files").mkdir()
        (root / "source" / "source.toml").write_text(_TOML)
        (root / "source" / "orders.sql").write_text("select order_id, customer_id, ordered_at, amount from orders")
        company.orders.to_csv(root / "files" / "orders.csv", index=False)
        command = [
            sys.executable, "-c", "from clv_pipeline.cli import cli; cli()", "run", "--source", str(root / "source"),
            "--url", str(root / "files"), "--home", str(root / "home"), "--as-of", AS_OF.isoformat(), "--horizons", "90,180",
        ]  # fmt: skip
        ran = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | {"CLV_STALE_DATA": "publish"}, check=False
        )
        if ran.returncode:
            return (ran.stdout + ran.stderr).strip()[:300]
        with duckdb.connect(str(root / "home" / "published" / "clv.duckdb"), read_only=True) as bundle:
            scores = bundle.sql("from customer_clv").df().set_index("customer_id")
            run = bundle.sql("from clv_run").df().iloc[0]
            ((contradictions,),) = bundle.sql(_CONTRADICTIONS).fetchall()
    return _figures(scores, run, company.future, contradictions)


def _figures(scores: pd.DataFrame, run: pd.Series, future: pd.Series, contradictions: int) -> dict[str, float]:
    scores = scores.reindex(future.index)
    predicted, spent = scores["predicted_spend_90d"].astype(float), future
    buys = spent > 0
    low, high = (scores[f"spend_if_buying_{end}_90d"].astype(float) for end in ("low", "high"))
    total = float(spent.sum())
    return {
        "error": float(predicted.sum()) / total - 1,
        "wape": float((predicted - spent).abs().sum()) / total,
        "inside": float(float(run["predicted_spend_total_low"]) <= total <= float(run["predicted_spend_total_high"])),
        "high over low": float(run["predicted_spend_total_high"]) / float(run["predicted_spend_total_low"]),
        "buyers inside": float(((spent >= low) & (spent <= high))[buys].mean()),
        "contradictions": float(contradictions),
    }


def main() -> None:
    """Print one line a company and one a kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--companies", type=int, default=5)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--kinds", nargs="*", choices=sorted(KINDS), default=list(KINDS))
    given = parser.parse_args()
    for kind in given.kinds:
        found = []
        for seed in range(given.companies):
            company = KINDS[kind](seed, given.customers)
            if company.future.sum() <= 0:
                sys.stdout.write(f"{kind} {seed}: nobody buys in the window\n")
                continue
            figures = measured(company)
            if isinstance(figures, str):
                sys.stdout.write(f"{kind} {seed}: red: {figures}\n")
                continue
            found.append(figures)
            sys.stdout.write(
                f"{kind} {seed}: " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()) + "\n"
            )
            sys.stdout.flush()
        if found:
            means = pd.DataFrame(found).mean()
            green = f"{len(found)} of {given.companies} green"
            sys.stdout.write(f"{kind}: {green}; mean " + ", ".join(f"{n} {v:.3f}" for n, v in means.items()) + "\n")


if __name__ == "__main__":
    main()
