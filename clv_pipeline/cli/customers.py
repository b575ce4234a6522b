"""Commands about one customer or one column: explain, lineage, erasure, export."""

import sys
from pathlib import Path

import click

from clv_pipeline.cli.interrupts import end_if_interrupted
from clv_pipeline.cli.shared import home_option, out, plain, settings_of, source_option
from clv_pipeline.core.home import Home


@click.command()
@click.argument("customer_id")
@source_option
@home_option
def explain(customer_id: str, source: str | None, home: Path | None) -> None:
    """Show a customer's published score, the reasons for it, and the facts behind them."""
    settings = settings_of(source=source, home=home)
    from clv_pipeline.reporting.terminal import print_customer

    print_customer(out, Home(settings.home), customer_id)


@click.command()
@click.argument("column")
@source_option
@home_option
def lineage(column: str, source: str | None, home: Path | None) -> None:
    """Show where a published column comes from, such as published.customer_clv.predicted_spend_90d."""
    settings = settings_of(source=source, home=home)
    from clv_pipeline.reporting.lineage import print_lineage

    print_lineage(out, Home(settings.home), column)


@click.command()
@click.argument("customer_id")
@click.option("--yes", is_flag=True, help="do not ask; for scripts")
@source_option
@home_option
def forget(customer_id: str, yes: bool, source: str | None, home: Path | None) -> None:
    """Erase a customer from every file below the home, never load them again, and list what must be deleted by hand.

    What will be erased is shown first, and nothing is done without a yes: it cannot be undone.
    """
    settings = settings_of(source=source, home=home)
    from clv_pipeline.privacy.erasure import forget as forget_customer, plan_erasure

    plan = plan_erasure(settings, customer_id)
    out.print(f"To be erased for good, under {' and '.join(map(plain, plan.customer_ids))}:")
    for place, rows in plan.rows.items():
        out.print(f"  {plain(place)}: {rows:,} rows")
    if settings.publish_url:
        out.print("  the database of CLV_PUBLISH_URL: this customer's rows, once it has the served bundle without them")
    if not plan.rows:
        out.print("  nothing: this customer was erased before; every file is searched for traces once more")
    if not (yes or _confirmed()):
        out.print("Nothing was erased.")
        sys.exit(1)
    done = forget_customer(settings, customer_id)
    for place, rows in done.removed.items():
        out.print(f"{plain(place)}: {rows:,} rows removed")
    for place in done.left:
        out.print(f"[red]left[/] {plain(place)}")
    if done.left:
        out.print(
            "     next step: delete these (or their mentions of the customer) by hand, then run `clv forget` again to re-check."
        )
        sys.exit(1)
    out.print("Erased; re-import is blocked. The next training leaves them out. Delete them from the source yourself.")
    out.print("A backup that was made before still has them: make a new one, and delete the old ones.")


@click.command()
@click.argument("customer_id")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="default: subject.json, here")
@source_option
@home_option
def export_subject(customer_id: str, file: Path | None, source: str | None, home: Path | None) -> None:
    """Export all data held about a customer as JSON: every row of the warehouse and of every bundle."""
    settings = settings_of(source=source, home=home)
    from clv_pipeline.privacy.subject import export_subject as export

    written = export(settings, customer_id, file or Path("subject.json"))
    rows = sum(written.row_counts.values())
    out.print(
        f"Wrote {rows:,} rows of {len(written.row_counts)} tables to {plain(str(written.file))}, readable by you only."
    )


def _confirmed() -> bool:
    """Ask; where nobody can answer, as in a script, the answer is no."""
    try:
        return click.confirm("Erase this customer?")
    except click.Abort:
        end_if_interrupted()
        out.print("\nNobody has answered. Scripts pass --yes.")
        return False
