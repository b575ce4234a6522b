"""How many seeded faults of one segment are named right by the checks of the night: the value of the column that holds them.

    python -m benchmarks.guilty_segments --companies 4

Each company is extracted, cleaned and judged as a nightly run does it, for two published nights; then each fault is one more
night on a copy of that warehouse. It counts as named right if a check or a warning names exactly the spoiled segment (or says of
an even loss that it is even), as wrong if one names another, and as silent if nothing is red and nothing warns.
"""

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.corrupted_nights import Seen, night
from benchmarks.corruptions import Tables, cut
from clv_pipeline.core.home import Home
from clv_pipeline.quality.expectations import Validator

_BEGINNING, TONIGHT = date(2024, 1, 20), date(2024, 6, 12)
_CHANNELS, _CHANNEL_SHARES = ("web", "app", "store", "phone"), (0.45, 0.3, 0.15, 0.1)
_CATEGORIES = ("books", "garden", "toys", "games", "music", "kitchen")
#: A fault: what must be named (several spellings of the same rows), and the tables with it.
Fault = Callable[[Tables, random.Random], tuple[tuple[str, ...], Tables]]


def company(seed: int, customers: int, orders_a_day: int) -> Tables:
    """Return a made-up shop with channels, categories, two currencies, guests and returns, up to the day before tonight."""
    draw = np.random.default_rng(seed)
    days = (TONIGHT - _BEGINNING).days
    country = draw.choice(["DE", "AT", "CH", "FR"], customers, p=[0.4, 0.1, 0.3, 0.2])
    crm = pd.DataFrame(
        {"customer_id": [f"{n:06d}" for n in range(customers)], "created_at": f"{_BEGINNING} 08:00:00", "country": country,
         "acquisition_channel": draw.choice(["search", "social", "friends"], customers), "profiling_consent": "true"}
    )  # fmt: skip
    weekday = np.array([1.0, 1.0, 1.05, 1.0, 1.1, 0.8, 0.7])
    counts = draw.poisson(orders_a_day * weekday[[(_BEGINNING + timedelta(days=n)).weekday() for n in range(days)]])
    day = np.repeat(np.arange(days), counts)
    buyer, hour = draw.integers(0, customers, len(day)), np.clip(draw.normal(14, 4, len(day)), 0, 23).astype(int)
    at = [
        f"{_BEGINNING + timedelta(days=int(d))} {h:02d}:{m:02d}:00"
        for d, h, m in zip(day, hour, draw.integers(0, 60, len(day)), strict=True)
    ]
    orders = pd.DataFrame(
        {"order_id": [f"o{n:07d}" for n in range(len(day))], "customer_id": crm["customer_id"].to_numpy()[buyer],
         "ordered_at": at, "channel": draw.choice(_CHANNELS, len(day), p=_CHANNEL_SHARES),
         "currency": np.where(country[buyer] == "CH", "CHF", "EUR"),
         "status": draw.choice(["paid", "cancelled"], len(day), p=[0.96, 0.04])}
    )  # fmt: skip
    orders.loc[draw.random(len(day)) < 0.06, "customer_id"] = ""
    lines = orders.loc[orders.index.repeat(draw.choice([1, 1, 2, 3], len(day)))].reset_index(drop=True)
    lines["order_line_id"] = (lines.groupby("order_id").cumcount() + 1).astype(str)
    lines["product_category"] = draw.choice(_CATEGORIES, len(lines), p=[0.36, 0.2, 0.14, 0.12, 0.1, 0.08])
    lines["product_id"] = lines["product_category"].str[0] + pd.Series(draw.integers(0, 60, len(lines))).astype(str)
    lines["quantity"] = draw.choice(["1", "1", "1", "2"], len(lines))
    lines["amount"] = [f"{v:.2f}" for v in draw.lognormal(3.2, 0.5, len(lines))]
    back = lines[(draw.random(len(lines)) < 0.07) & (lines["status"] != "cancelled")].copy()
    back["order_line_id"] = "R" + back["order_line_id"]
    back["ordered_at"] = (
        pd.to_datetime(back["ordered_at"]) + pd.to_timedelta(draw.integers(2, 15, len(back)), "D")
    ).dt.strftime("%Y-%m-%d %H:%M:%S")
    back["quantity"], back["amount"], back["status"] = "-1", "-" + back["amount"], "returned"
    rates = pd.DataFrame(
        {"currency": "CHF", "rate_date": pd.date_range(_BEGINNING, TONIGHT).strftime("%Y-%m-%d"), "rate": "1.04"}
    )
    tables = {"orders": pd.concat([lines, back], ignore_index=True), "customers": crm, "fx_rates": rates}
    return cut(tables, TONIGHT)


def _last(orders: pd.DataFrame, days: int = 1) -> pd.Series:
    return orders["ordered_at"] >= f"{TONIGHT - timedelta(days=days)}"


def _april(orders: pd.DataFrame) -> pd.Series:
    """Return the lines of a month that is over long enough: no more of its orders are late."""
    return orders["ordered_at"].str.startswith("2024-04")


def _with(tables: Tables, orders: pd.DataFrame) -> Tables:
    return tables | {"orders": orders.reset_index(drop=True)}


def channel_lost(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """The last day lacks the orders of one channel."""
    orders, channel = tables["orders"], draw.choice(_CHANNELS[:2])
    return (f"channel = '{channel}'",), _with(tables, orders[~(_last(orders) & (orders["channel"] == channel))])


def two_channels_lost(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """The last day lacks the orders of two channels."""
    orders = tables["orders"]
    first, second = draw.sample(_CHANNELS[:3], 2)
    names = (f"channel in ('{first}', '{second}')", f"channel in ('{second}', '{first}')")
    return names, _with(tables, orders[~(_last(orders) & orders["channel"].isin([first, second]))])


def hours_lost(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """The last day lacks the orders of some hours."""
    orders, first = tables["orders"], draw.randrange(10, 14)
    last = first + draw.randrange(3, 6)
    hour = orders["ordered_at"].str[11:13].astype(int)
    return (f"hour of day {first:02d} to {last:02d}",), _with(
        tables, orders[~(_last(orders) & hour.between(first, last))]
    )


def currency_in_cents(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """The amounts of the main currency are 100 times too high on the last day or week."""
    orders = tables["orders"].copy()
    chosen = _last(orders, draw.choice((1, 7))) & (orders["currency"] == "EUR")
    orders.loc[chosen, "amount"] = (orders.loc[chosen, "amount"].astype(float) * 100).map("{:.2f}".format)
    return ("currency = 'EUR'",), _with(tables, orders)


def country_missing(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """The CRM lacks the customers of a country."""
    customers, country = tables["customers"], draw.choice(("DE", "CH"))
    return (f"country = '{country}'",), tables | {"customers": customers[customers["country"] != country]}


def country_gone(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """CRM and orders lack a country altogether."""
    customers, orders, country = tables["customers"], tables["orders"], draw.choice(("DE", "FR", "CH"))
    gone = set(customers[customers["country"] == country]["customer_id"])
    kept = tables | {"customers": customers[customers["country"] != country]}
    return (f"country = '{country}'",), _with(kept, orders[~orders["customer_id"].isin(gone)])


def category_doubled(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """A past month has each line of a category twice, under numbers of their own."""
    orders, category = tables["orders"], draw.choice(_CATEGORIES)
    more = orders[_april(orders) & (orders["product_category"] == category)].copy()
    more["order_line_id"] = "X" + more["order_line_id"]
    return (f"product_category = '{category}'",), _with(tables, pd.concat([orders, more]))


def category_doubled_today(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """The last day has the lines of a category as orders of their own once more."""
    orders = tables["orders"]
    more = orders[_last(orders) & (orders["product_category"] == "books")].copy()
    more["order_id"] = "X" + more["order_id"]
    return ("product_category = 'books'",), _with(tables, pd.concat([orders, more]))


def status_renamed(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """A status has another name since some days."""
    orders, status = tables["orders"].copy(), "paid"
    orders.loc[_last(orders, draw.choice((1, 3, 30))) & (orders["status"] == status), "status"] = "bezahlt"
    return ("status = 'bezahlt'",), _with(tables, orders)


def day_twice(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """One day was delivered twice."""
    orders, day = tables["orders"], f"{TONIGHT - timedelta(days=draw.randrange(1, 60))}"
    return (f"order date = {day}",), _with(
        tables, pd.concat([orders, orders[orders["ordered_at"].str.startswith(day)]])
    )


def refunds_missing(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """The refunds of one channel are gone from the past."""
    orders, channel = tables["orders"], draw.choice(_CHANNELS)
    gone = orders["amount"].str.startswith("-") & (orders["channel"] == channel)
    names = (f"status = 'returned' and channel = '{channel}'", f"channel = '{channel}' and is_return = true")
    return names, _with(tables, orders[~gone])


def even_loss(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """The last day lacks two thirds of its orders, whichever they are."""
    orders = tables["orders"]
    numbers = orders["order_id"].unique()
    gone = set(np.random.default_rng(draw.randrange(10**6)).choice(numbers, int(0.67 * len(numbers)), replace=False))
    return ("spread evenly",), _with(tables, orders[~(_last(orders) & orders["order_id"].isin(gone))])


def guests_of_a_channel(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """One channel lost its customer numbers on the last day."""
    orders, channel = tables["orders"].copy(), draw.choice(_CHANNELS[:2])
    orders.loc[_last(orders) & (orders["channel"] == channel), "customer_id"] = ""
    return (f"channel = '{channel}'",), _with(tables, orders)


def currency_without_rate(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """One channel's orders have another currency, which has no rate."""
    orders, channel = tables["orders"].copy(), draw.choice(_CHANNELS)
    orders.loc[_last(orders, 60) & (orders["channel"] == channel), "currency"] = "GBP"
    return ("currency = 'GBP'",), _with(tables, orders)


def month_of_a_channel(tables: Tables, draw: random.Random) -> tuple[tuple[str, ...], Tables]:
    """A past month lost the orders of one channel: two columns together."""
    orders, channel = tables["orders"], draw.choice(_CHANNELS)
    return (f"channel = '{channel}'", "month = 2024-04"), _with(
        tables, orders[~(_april(orders) & (orders["channel"] == channel))]
    )


FAULTS: tuple[Fault, ...] = (
    channel_lost, two_channels_lost, hours_lost, currency_in_cents, country_missing, country_gone, category_doubled,
    category_doubled_today, status_renamed, day_twice, refunds_missing, even_loss, guests_of_a_channel,
    currency_without_rate, month_of_a_channel,
)  # fmt: skip
_SENTENCE = re.compile(r"[^.;:]*? holds \d+% of the [^;]*|the [\d,]+ [a-z]+ [^.]* are spread evenly[^;]*")


def said_of_segments(seen: Seen) -> list[str]:
    """Return the sentences of a night that name a segment, or none."""
    return [found.strip() for text in seen.texts for found in _SENTENCE.findall(text)]


def main() -> None:
    """Print each fault that was not named right, and the shares."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--companies", type=int, default=1)
    options.add_argument("--customers", type=int, default=1500)
    options.add_argument("--orders", type=int, default=200, help="orders a day")
    options.add_argument("--only", default="")
    options.add_argument("--all", action="store_true", help="print every sentence")
    given = options.parse_args()
    validator, outcomes = Validator(), Counter[str]()
    for seed in range(given.companies):
        tables = company(seed, given.customers, given.orders)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for days in (2, 1):
                as_of = TONIGHT - timedelta(days=days)
                quiet = night(root, Home(root / "good"), cut(tables, as_of), as_of, validator)
            usual = set(said_of_segments(quiet))
            for fault in FAULTS:
                if given.only not in fault.__name__:
                    continue
                expected, spoiled = fault(tables, random.Random(f"{seed} {fault.__name__}"))
                shutil.rmtree(root / "tried", ignore_errors=True)
                shutil.copytree(root / "good", root / "tried")
                seen = night(root, Home(root / "tried"), spoiled, TONIGHT, validator)
                said = [text for text in said_of_segments(seen) if text not in usual]
                is_right = any(name in text for name in expected for text in said)
                outcome = "right" if is_right else "wrong" if said else "unnamed" if seen.texts else "silent"
                outcomes[outcome] += 1
                outcomes["red"] += seen.is_red
                if given.all or not is_right:
                    sys.stdout.write(
                        f"{outcome}: {fault.__name__} (company {seed}), {expected[0]}: {' | '.join(said or seen.texts)[:700]}\n"
                    )
                sys.stdout.flush()
    tried = sum(outcomes[name] for name in ("right", "wrong", "unnamed", "silent"))
    sys.stdout.write(
        f"{outcomes['right']} of {tried} named right ({outcomes['right'] / max(tried, 1):.0%}): {dict(outcomes)}\n"
    )


if __name__ == "__main__":
    main()
