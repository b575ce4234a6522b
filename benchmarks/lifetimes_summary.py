"""The whole purchase mart against the three columns of the usual Python summary (frequency, recency, T and their money).

The other side is `lifetimes.utils.summary_data_from_transaction_data` where that library is installed, else the same steps
written here with pandas: transactions to daily periods, first purchase flagged, grouped by customer. The output says which.
Both sides start from the same shop: DuckDB reads its own table, pandas reads Parquet (reading is in its time, as it is in ours).

    .venv/bin/python -m benchmarks.lifetimes_summary --customers 1000000

Target at one million customers: all our columns at least 5 times cheaper than these.
"""

import resource
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks import purchase_mart
from benchmarks.made_up_shop import CUTOFF

LIFETIMES_IS_INSTALLED = find_spec("lifetimes") is not None


def summary_in_pandas(transactions: pd.DataFrame) -> pd.DataFrame:
    """Return frequency, recency, T and monetary_value by customer, in the steps that the lifetimes library takes."""
    end = pd.Timestamp(CUTOFF).to_period("D")
    found = transactions[["customer_id", "order_date", "amount"]].copy()
    found["order_date"] = pd.to_datetime(found["order_date"])
    found = found.set_index("order_date").to_period("D").reset_index()
    found = found[found["order_date"] <= end]
    # one transaction a customer and day
    daily = found.groupby(["customer_id", "order_date"], sort=False, as_index=False).agg({"amount": "sum"})
    # the first transaction counts for no repeat and no monetary value
    first = daily.groupby("customer_id", sort=True, as_index=False).head(1).index
    daily["first"] = False
    daily.loc[first, "first"] = True
    daily.loc[daily["first"], "amount"] = float("nan")
    daily["order_date"] = pd.PeriodIndex(daily["order_date"], freq="D").to_timestamp()
    customers = daily.groupby("customer_id", sort=False)["order_date"].agg(["min", "max", "count"])
    customers["frequency"] = customers["count"] - 1
    customers["T"] = (end.to_timestamp() - customers["min"]).dt.total_seconds() / 86_400
    customers["recency"] = (customers["max"] - customers["min"]).dt.total_seconds() / 86_400
    customers["monetary_value"] = daily.groupby("customer_id", sort=False)["amount"].mean().fillna(0)
    return customers[["frequency", "recency", "T", "monetary_value"]].astype(float)


def work(parquet: Path) -> None:
    """Do the three columns in this process and print CPU seconds and peak memory in GB."""
    if LIFETIMES_IS_INSTALLED:
        from lifetimes.utils import summary_data_from_transaction_data  # type: ignore[import-not-found]
    before = resource.getrusage(resource.RUSAGE_SELF)
    # the library sees purchases only, and wants them as floats
    frame = pd.read_parquet(parquet, columns=["customer_id", "order_date", "amount"])
    if LIFETIMES_IS_INSTALLED:
        summary_data_from_transaction_data(
            frame, "customer_id", "order_date", monetary_value_col="amount", observation_period_end=CUTOFF
        )
    else:
        summary_in_pandas(frame)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / (1024**2 if sys.platform == "linux" else 1024**3)
    sys.stdout.write(f"{cpu} {peak}\n")


def _write_purchases(database: Path, parquet: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        path = str(parquet).replace("'", "''")
        connection.execute(
            "copy (select customer_id, order_date::timestamp as order_date, amount::double as amount from clean.orders "
            f"where amount > 0) to '{path}' (format parquet)"
        )


def main() -> None:
    """Measure both, side by side, and print the ratio."""
    arguments = purchase_mart.arguments_of(__doc__)
    if arguments.work:
        work(arguments.database)
        return
    with tempfile.TemporaryDirectory() as folder:
        database = arguments.database or Path(folder) / "shop.duckdb"
        purchase_mart.prepare_apart(database, arguments.customers, arguments.memory_limit)
        parquet = Path(folder) / "purchases.parquet"
        _write_purchases(database, parquet)
        ours = purchase_mart.measure("benchmarks.purchase_mart", "mart", database, arguments.memory_limit)
        theirs = purchase_mart.measure("benchmarks.lifetimes_summary", "summary", parquet, arguments.memory_limit)
    whose = "lifetimes" if LIFETIMES_IS_INSTALLED else "the same steps in pandas (lifetimes is not installed)"
    sys.stdout.write(f"their summary is made by {whose}\n")
    sys.stdout.write(f"our mart, every column      {ours[0]:7.2f} CPU s   {ours[1]:5.2f} GB\n")
    sys.stdout.write(f"their summary, three columns {theirs[0]:6.2f} CPU s   {theirs[1]:5.2f} GB\n")
    sys.stdout.write(f"theirs / ours               {theirs[0] / ours[0]:7.1f} (target at 1M customers: at least 5)\n")


if __name__ == "__main__":
    main()
