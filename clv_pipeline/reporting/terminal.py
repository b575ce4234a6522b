"""Terminal output about the served bundle: the summary after a run, one customer's explanation, and tables."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from clv_pipeline.core.errors import PublishError
from clv_pipeline.core.home import Home
from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, open_bundle_file, records

#: A total of which one customer has so much depends on that customer.
_LARGE_SHARE = 0.2


def print_table(console: Console, shown: Table) -> None:
    """Print a table with its headings."""
    table = RichTable(box=None, pad_edge=False)
    for name in shown.header:
        table.add_column(escape(name))
    for row in shown.rows:
        table.add_row(*map(escape, row))
    console.print(table)


def print_summary(
    console: Console,
    home: Home,
    checks_passed: int,
    checks_failed: list[tuple[str, str]],
    *,
    dashboard_command: str,
    ui_command: str,
) -> None:
    """Print the results of the last run and where to find them; `checks_failed` has the name and message of each warning."""
    with open_bundle_file(served_database(home)) as connection:
        (run,) = records(connection, "select * from clv_run")
        champions = connection.execute(
            "select distinct target, candidate from model_quality where is_champion order by target"
        ).fetchall()
        verdict = connection.execute(
            "select statement from model_quality where row_kind = 'verdict' and metric = 'sure_enough_to_spend_money' "
            "and horizon_days = $days",
            {"days": run["primary_horizon_days"]},
        ).fetchall()
        statuses = _customers_by_status(connection)
        source_tables = _source_tables(connection)
    days, currency = run["primary_horizon_days"], run["currency"]
    warnings = f"; warnings: {', '.join(name for name, _ in checks_failed)}" if checks_failed else ""
    models = ", ".join(f"{labels.target(target)}: {candidate}" for target, candidate in champions)
    facts = [
        ("customers scored", f"{formats.count(run['customers'])} ({statuses})"),
        (f"predicted spend, next {days} days", formats.money(run["predicted_spend_total"], currency)),
        (
            "90 % interval of that total",
            formats.money_range(run["predicted_spend_total_low"], run["predicted_spend_total_high"], currency),
        ),
        ("share of the largest customer", _if_large(run["largest_customer_share"])),
        ("seasonal adjustment", formats.season(run["season_factor"])),
        (f"actual spend, last {days} days", formats.money(run["trailing_spend_total"], currency)),
        ("order of customers", labels.ranking(run["ranking"])),
        ("models", models or labels.basis(run["basis"])),
        ("verdict", "".join(statement for (statement,) in verdict)),
        ("checks passed", f"{checks_passed}{warnings}"),
        ("rows quarantined", formats.count(run["quarantined_rows"])),
    ]
    console.print()
    console.print(f"[bold]{escape(run['source_name'])}[/], as of {formats.day(run['as_of_date'])}, run {run['run_id']}")
    _print_facts(console, [fact for fact in facts if fact[1]])
    console.print("Rows, and money of the orders")
    for line in source_tables:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    print_warnings(console, checks_failed)
    console.print("Look at")
    for what, where in (
        ("tables for BI", home.published / "clv.duckdb"),
        ("report", home.published / run["run_id"] / "report.html"),
        ("dashboard", dashboard_command),
        ("Dagster UI", ui_command),
    ):
        console.print(f"  {what:<14} {where}", markup=False)


def _if_large(share: float | None) -> str:
    """Return the share of one customer in the total where it is worth knowing, else nothing.

    >>> _if_large(0.48), _if_large(0.01)
    ('48.0%', '')
    """
    return formats.percent(share) if share is not None and share >= _LARGE_SHARE else ""


def print_warnings(console: Console, warnings: list[tuple[str, str]]) -> None:
    """Print the name and message of each check that warns; on a red night they may say why."""
    if warnings:
        console.print("Warnings")
    for name, message in warnings:
        console.print(f"  - {name}: {message}", markup=False, soft_wrap=True)


def print_customer(console: Console, home: Home, customer_id: str) -> None:
    """Print one customer's row of `customer_clv`, reasons first.

    Raises:
        PublishError: nothing is published yet, or the customer is not in it.
    """
    with open_bundle_file(served_database(home)) as connection:
        rows = records(connection, "select * from customer_clv where customer_id = $id", {"id": customer_id})
        actions = connection.execute(
            "select action, why from recommendations where customer_id = $id", {"id": customer_id}
        ).fetchall()
    if not rows:
        raise PublishError(
            f"Customer '{customer_id}' is not in the published customer_clv",
            next_step="check the number (leading zeros count) and that the customer may be profiled.",
        )
    (values,) = rows
    console.print(
        f"[bold]{escape(customer_id)}[/]: {values['segment']}, tier {values['value_tier']}, {values['score_status']}"
    )
    for action, why in actions:
        console.print(f"to do: {action} ({why})", markup=False)
    console.print(
        "reasons for the prediction (the amount each one adds or subtracts, compared with the average customer):"
    )
    for reason in ("reason_1", "reason_2", "reason_3"):
        if values[reason]:
            console.print(f"  - {values[reason]}", markup=False)
    _print_facts(
        console,
        [
            (name, "" if value is None else str(value))
            for name, value in values.items()
            if not name.startswith("reason_") and name != "customer_id"
        ],
    )


def _print_facts(console: Console, facts: Iterable[tuple[str, str]]) -> None:
    table = RichTable(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in facts:
        table.add_row(name, escape(value))
    console.print(table)


def _source_tables(connection: Connection) -> list[str]:
    """Return one line per source table: what the source counted, what was read, and the disposition of it."""
    rows = connection.execute(
        """
        select table_name, if(row_kind = 'disposition', disposition, row_kind) as kind, sum(row_count), sum(source_money)
        from data_quality where row_kind <> 'part' and disposition <> 'created' group by all order by table_name
        """
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, kind, count, money in rows:
        found.setdefault(table, {})[kind] = _rows_and_money(count, money)
    kinds = ("source", "read", "duplicate", "superseded", "excluded", "quarantined", "accepted")
    return [
        f"{table}: "
        + ", ".join(
            f"{'at the source' if kind == 'source' else kind} {counts[kind]}" for kind in kinds if kind in counts
        )
        for table, counts in found.items()
    ]


def _rows_and_money(rows: int, money: Decimal | None) -> str:
    return formats.count(rows) + (f" ({formats.money(money)})" if money else "")


def _customers_by_status(connection: Connection) -> str:
    rows = connection.execute("select score_status, count(*) from customer_clv group by 1 order by 1").fetchall()
    return ", ".join(f"{status} {formats.count(customers)}" for status, customers in rows)


def served_database(home: Home) -> Path:
    """Return the file that is served now.

    Raises:
        PublishError: nothing is published yet.
    """
    path = home.published / "clv.duckdb"
    if not path.exists():
        raise PublishError(f"Nothing is published in {home.published} yet", next_step="run `clv run`.")
    return path
