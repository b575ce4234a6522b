"""What the terminal shows of the served bundle: the summary after a run, and one customer explained."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.warehouse.connection import open_bundle_file


def print_summary(console: Console, home: Home, checks_passed: int, checks_failed: list[str], ui_command: str) -> None:
    """Print what the last run published and where to look."""
    with open_bundle_file(served_database(home)) as connection:
        (run,) = connection.sql("select * from clv_run").df().to_dict("records")
        champions = connection.execute(
            "select distinct target, candidate from model_quality where is_champion order by target"
        ).fetchall()
        statuses = connection.execute(
            "select score_status, count(*) from customer_clv group by 1 order by 1"
        ).fetchall()
    days, currency = run["primary_horizon_days"], run["currency"]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("customers scored", f"{run['customers']:,} ({', '.join(f'{s} {n:,}' for s, n in statuses)})")
    table.add_row(f"predicted spend, next {days} days", f"{run['predicted_spend_total']:,.2f} {currency}")
    low, high = run["predicted_spend_total_low"], run["predicted_spend_total_high"]
    if low == low and low is not None:
        table.add_row("90 % interval of it", f"{low:,.0f} to {high:,.0f} {currency}")
    table.add_row("season in it", season_in_words(run["season_factor"]))
    table.add_row("baseline, the same days before", f"{run['trailing_spend_total']:,.2f} {currency}")
    table.add_row("models", ", ".join(f"{t}: {c}" for t, c in champions) or "fixed rules (not enough history to judge)")
    table.add_row(
        "checks passed", f"{checks_passed}" + (f"; warnings: {', '.join(checks_failed)}" if checks_failed else "")
    )
    table.add_row("rows quarantined", f"{run['quarantined_rows']:,}")
    console.print()
    console.print(f"[bold]{escape(run['source_name'])}[/], as of {run['as_of_date']:%Y-%m-%d}, run {run['run_id']}")
    console.print(table)
    console.print("Look at")
    for what, where in (
        ("tables for BI", home.published / "clv.duckdb"),
        ("report", home.published / run["run_id"] / "report.html"),
        ("Dagster UI", ui_command),
    ):
        console.print(f"  {what:<14} {where}", markup=False)


def season_in_words(factor: Any) -> str:
    """Return what the published season_factor, a number or nothing, means for the predicted total."""
    if factor is None or factor != factor:
        return "none (it takes 17 months of orders, a horizon of at most a year, and a model), so its interval is wide"
    return f"times {factor:.2f}, from the same weeks last year"


def print_customer(console: Console, home: Home, customer_id: str) -> None:
    """Print one customer's row of `customer_clv`, reasons first.

    Raises:
        PublishError: nothing is published yet, or the customer is not in it.
    """
    with open_bundle_file(served_database(home)) as connection:
        found = connection.execute("select * from customer_clv where customer_id = $id", {"id": customer_id})
        names = [d[0] for d in found.description or []]
        rows = found.fetchall()
        actions = connection.execute(
            "select action, why from recommendations where customer_id = $id", {"id": customer_id}
        ).fetchall()
    if not rows:
        raise PublishError(
            f"Customer '{customer_id}' is not in the published customer_clv",
            next_step="check the number (leading zeros count) and that the customer may be profiled.",
        )
    values = dict(zip(names, rows[0], strict=True))
    console.print(
        f"[bold]{escape(customer_id)}[/]: {values['segment']}, tier {values['value_tier']}, {values['score_status']}"
    )
    for action, why in actions:
        console.print(f"to do: {action} ({why})", markup=False)
    console.print("why the prediction is what it is (money it adds or takes, against the average customer):")
    for reason in ("reason_1", "reason_2", "reason_3"):
        if values[reason]:
            console.print(f"  - {values[reason]}", markup=False)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in values.items():
        if not name.startswith("reason_") and name != "customer_id":
            table.add_row(name, "" if value is None else escape(str(value)))
    console.print(table)


def served_database(home: Home) -> Path:
    path = home.published / "clv.duckdb"
    if not path.exists():
        raise PublishError(f"Nothing is published in {home.published} yet", next_step="run `clv run`.")
    return path
