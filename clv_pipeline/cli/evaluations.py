"""Commands that compare predictions with what happened: of the models, and of a file from elsewhere."""

from datetime import date, datetime, timedelta
from pathlib import Path

import click

from clv_pipeline.cli.shared import err, home_option, out, plain, settings_of, source_option
from clv_pipeline.core.home import Home
from clv_pipeline.core.home_owner import claim_home
from clv_pipeline.evaluation.protocols import PROTOCOLS


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--against", "window", required=True, help="FIRST_DAY+DAYS, such as 2011-09-11+90d")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="first day unknown to the predictions, if no column as_of_date"
)
@source_option
@home_option
def evaluate(file: Path, window: str, as_of: datetime | None, source: str | None, home: Path | None) -> None:
    """Evaluate a FILE of predictions (customer_id, predicted_spend and others) against the actual outcome of a window."""
    settings = settings_of(source=source, home=home)
    from clv_pipeline.evaluation.predictions_file import judge_file
    from clv_pipeline.reporting import formats, tables
    from clv_pipeline.reporting.terminal import print_table
    from clv_pipeline.warehouse.connection import Warehouse

    places = Home(settings.home)
    warehouse = Warehouse(
        places.warehouse, scratch=places.scratch, writable_folders=[], memory_limit=settings.memory_limit,
        threads=settings.threads,
    )  # fmt: skip
    with warehouse.connection() as connection:
        judged = judge_file(connection, settings, file, window, as_of.date() if as_of else None)
    rows = [
        [name, formats.decimal(e.value, 4), formats.interval(formats.decimal(e.low, 4), formats.decimal(e.high, 4))]
        for name, e in judged.estimates.items()
    ]
    print_table(out, tables.Table(["metric", "value", "90 % interval"], rows))
    out.print(
        f"Predictions as of {judged.as_of}, for {judged.days} days from {judged.start}: {judged.customers:,} customers who had "
        f"bought before, of which {judged.missing:,} are not in the file and count as 0"
    )


@click.command()
@source_option
@click.option("--url", help="database URL, or a folder of CSV and Parquet files (else CLV_SOURCE_URL)")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="last day of the windows (default: the source's as_of)"
)
@click.option("--horizons", help="days to predict, such as 90,180")
@click.option("--windows", default=2, show_default=True, help="number of past windows to evaluate, one horizon apart")
@click.option(
    "--protocol", type=click.Choice(list(PROTOCOLS)), help="a published protocol: fixes source, date and horizon"
)
@click.option("--markdown", type=click.Path(path_type=Path), help="also write the tables into this Markdown file")
@home_option
def backtest(
    source: str | None,
    url: str | None,
    as_of: datetime | None,
    horizons: str | None,
    windows: int,
    protocol: str | None,
    markdown: Path | None,
    home: Path | None,
) -> None:
    """Evaluate every model on past windows of a source, and show the best one in each."""
    fixed = PROTOCOLS[protocol] if protocol else None
    if fixed:
        source, horizons, windows = fixed.source, str(fixed.horizon_days), 1
    last_day = fixed.cutoff + timedelta(days=fixed.horizon_days) if fixed else as_of.date() if as_of else None
    settings = settings_of(source=source, source_url=url, as_of=last_day, horizons=horizons, home=home)
    from clv_pipeline.demo_company.company import with_demo_source
    from clv_pipeline.evaluation.backtest import run_backtest, write_tables
    from clv_pipeline.reporting import backtest_card, backtest_report, backtest_tables
    from clv_pipeline.reporting.terminal import print_table

    home_folder, day = claim_home(settings), settings.as_of or date.today()
    settings = with_demo_source(settings, home_folder)
    with err.status("reading") as status:
        found = run_backtest(settings, home_folder, day, windows, lambda step: status.update(plain(step)))
    folder = home_folder.backtest.parent / f"{Path(settings.source).name}-{day}"
    write_tables(found, folder)
    page, card = backtest_report.write_page(found, folder), backtest_card.write_card(found, folder)
    if markdown:
        days = ",".join(map(str, settings.horizons))
        options = f"--source {settings.source} --as-of {day} --horizons {days} --windows {windows}"
        if protocol:
            options = f"--protocol {protocol}"
        backtest_report.write_section(found, markdown, protocol or found.source_name, f"clv backtest {options}", fixed)
    print_table(out, backtest_tables.summary(found))
    out.print(f"Full report: {page}. Model card: {card}")
