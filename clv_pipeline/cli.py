"""The `clv` command: parses options, calls one function of a package, prints the result. No other logic belongs here."""

import logging
import os
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.logging import RichHandler

from clv_pipeline.core.foreign_errors import mask_command
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import DEFAULT_HOME, IS_INSTALLED, PROJECT, WORKSPACE
from clv_pipeline.core.settings import Settings, load_settings
from clv_pipeline.diagnostics.findings import print_findings
from clv_pipeline.evaluation.protocols import PROTOCOLS

out = Console(highlight=False, soft_wrap=True)
#: Output written while a progress display is active must go through the console that draws it.
err = Console(stderr=True)

#: The one warning of `dagster dev`, as the begin of its text.
_SUPERSEDED = "ignore:Function `dev_command` is superseded"

_ORDER_OF_WORK = (
    "init", "doctor", "run", "status", "ui", "explain", "lineage", "models", "promote", "rollback", "evaluate", "backtest",
    "forget", "export-subject",
)  # fmt: skip


class _Commands(click.Group):
    """Lists the commands in the order of work, each with the first paragraph of its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        order = {name: place for place, name in enumerate(_ORDER_OF_WORK)}
        return sorted(self.commands, key=lambda name: order.get(name, len(order)))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_paragraph(self.commands[name])) for name in self.list_commands(ctx)])


def _first_paragraph(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="clv-pipeline", prog_name="clv", message="%(prog)s %(version)s")
def cli() -> None:
    """Predict every night, from your own database, what each customer will be worth.

    `clv COMMAND --help` describes a command in full. Every setting is an environment variable CLV_<NAME>.
    """
    handler = RichHandler(console=err, show_time=False, show_path=False)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format="%(message)s")
    # py.warnings: hide deprecation warnings from users; the test run shows them
    for noisy in ("great_expectations", "alembic", "matplotlib", "py.warnings"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def main() -> None:
    """Run the command; an error is one message and exit code 1, never a traceback, and one that is not ours is masked."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        out.print(f"[bold red]error[/] {_plain(str(mask_command(error, list(cli.commands))))}")
        sys.exit(1)


_home_option = click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="where everything is written"
)


@cli.command()
@click.option("--source", help="a name under sql/0_sources, or any folder of SELECTs with a source.toml")
@click.option("--url", help="database URL, or a folder of CSV and Parquet files (else CLV_SOURCE_URL)")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="score as of this day; only earlier data is used")
@click.option("--horizons", help="days to predict, such as 90,180")
@click.option("--retrain", is_flag=True, help="train even if no training is due")
@click.option(
    "--acknowledge", multiple=True, metavar="CHECK", help="publish although this check failed, for this run only"
)
@_home_option
def run(
    source: str | None,
    url: str | None,
    as_of: datetime | None,
    horizons: str | None,
    retrain: bool,
    acknowledge: tuple[str, ...],
    home: Path | None,
) -> None:
    """Run the whole nightly job now: extract, check, train where it is due, score, publish."""
    settings = _settings(
        source=source, source_url=url, as_of=as_of.date() if as_of else None, horizons=horizons, home=home
    )
    from clv_pipeline.quality.night_checks import known_checks

    acknowledged = known_checks(acknowledge)
    from clv_pipeline.orchestration.runs import run_nightly

    outcome = run_nightly(Home(settings.home), as_of=settings.as_of, retrain=retrain, acknowledged=acknowledged)
    from clv_pipeline.reporting.terminal import print_summary, print_warnings

    if not outcome.succeeded:
        for failure in outcome.failures:
            out.print(f"[bold red]error[/] {_plain(failure.message)}")
        print_warnings(out, outcome.checks_failed)
        out.print(f"The run failed; the bundle published before is still served. Details: {_ui_command(settings)}")
        sys.exit(1)
    print_summary(out, Home(settings.home), outcome.checks_passed, outcome.checks_failed, _ui_command(settings))


@cli.command()
@_home_option
@click.option("--port", default=3000, show_default=True, help="port on 127.0.0.1")
def ui(home: Path | None, port: int) -> None:
    """Open the Dagster UI on 127.0.0.1 with the nightly schedule running."""
    settings = _settings(home=home)
    from clv_pipeline.orchestration.dagster_home import prepare_dagster_home

    prepare_dagster_home(Home(settings.home))
    dagster = Path(sys.executable).with_name("dagster")
    arguments = ["dev", "-w", str(WORKSPACE), "-h", "127.0.0.1", "-p", str(port)]
    os.environ["CLV_HOME"] = str(settings.home.absolute())
    # `dg dev`, which Dagster recommends instead, needs a project layout of its own
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), _SUPERSEDED)))
    url = f"http://127.0.0.1:{port}"
    out.print(f"The last runs: {url}/runs   every table: {url}/assets")
    if not IS_INSTALLED:
        os.chdir(PROJECT)
    os.execv(dagster, [str(dagster), *arguments])


@cli.command()
@click.option("--source", help="a name under sql/0_sources, or any folder of SELECTs with a source.toml")
@click.option("--url", help="database URL, or a folder of CSV and Parquet files (else CLV_SOURCE_URL)")
@_home_option
def doctor(source: str | None, url: str | None, home: Path | None) -> None:
    """Check the source, permissions, time zone, disk and schedule, and print the next step for each line that fails.

    The exit code is 1 if a line is fail; a line that is warn stops no run.
    """
    settings = _settings(source=source, source_url=url, home=home)
    from clv_pipeline.diagnostics.doctor import examine

    sys.exit(1 if "fail" in print_findings(out, examine(settings)) else 0)


@cli.command()
@click.option("--source", help="a name under sql/0_sources, or any folder of SELECTs with a source.toml")
@_home_option
def status(source: str | None, home: Path | None) -> None:
    """Show the served bundle and its age, the result of the newest run, the next run, the champion, and the disk space used.

    For monitors, the exit code is 0 if every line is ok, 1 if a line is warn or fail (a person should look), and 2 if the
    command is mistyped. The bundle's age decides (warn from 2 days, fail beyond max_stale_days), the newest run (fail if it
    failed), and whether anything will start the next one: a live scheduler, or nights that keep arriving without it.
    """
    settings = _settings(source=source, home=home)
    from clv_pipeline.diagnostics.status import look
    from clv_pipeline.orchestration.history import about_runs

    found = print_findings(out, [*look(settings), *about_runs(Home(settings.home), settings)])
    sys.exit(1 if found & {"warn", "fail"} else 0)


@cli.command()
@click.argument("run_id", required=False)
@_home_option
def rollback(run_id: str | None, home: Path | None) -> None:
    """Serve the previous bundle, or the bundle of RUN_ID. The next nightly run publishes as usual."""
    settings = _settings(home=home)
    from clv_pipeline.diagnostics.status import age_in_days
    from clv_pipeline.publishing.serving import roll_back

    served = roll_back(Home(settings.home), run_id)
    age = age_in_days(date.fromisoformat(served["as_of_date"]), settings.time_zone)
    out.print(
        f"Served now: run {served['run_id']} of {_plain(served['source_name'])}, as of {served['as_of_date']}, {age} days old."
    )


@cli.command()
@_home_option
def models(home: Path | None) -> None:
    """List every model version: its date, models, test metrics, and champion periods."""
    settings = _settings(home=home)
    from clv_pipeline.modeling.registry.listing import describe_versions

    for line in describe_versions(Home(settings.home).models):
        out.print(_plain(line))


@cli.command()
@click.argument("version")
@_home_option
def promote(version: str, home: Path | None) -> None:
    """Make an existing model VERSION the champion, after checking its files and the features it needs."""
    settings = _settings(home=home)
    from clv_pipeline.modeling.registry.promotion import promote_by_hand
    from clv_pipeline.warehouse.connection import Warehouse

    manifest = promote_by_hand(Home(settings.home), Warehouse.of(settings), version)
    out.print(f"Champion now: {manifest.version}, fitted as of {manifest.as_of}. It scores until the next training.")


@cli.command()
@click.argument("name")
def init(name: str) -> None:
    """Start a new source: write source.toml and one commented SELECT for each table.

    In a checkout of the project, NAME is created under sql/0_sources. Where clv was installed from a wheel, it is created in
    the current folder, as ./NAME is. A NAME with a / in it is used as a path.
    """
    from clv_pipeline.sources.scaffold import scaffold

    folder = scaffold(name)
    source = f"./{name}" if IS_INSTALLED and "/" not in name else name
    out.print(f"Wrote {folder}. Edit orders.sql first, then: clv doctor --source {source} --url YOUR_DATABASE_URL")


@cli.command()
@click.argument("customer_id")
@_home_option
def explain(customer_id: str, home: Path | None) -> None:
    """Show a customer's published score, the reasons for it, and the facts behind them."""
    settings = _settings(home=home)
    from clv_pipeline.reporting.terminal import print_customer

    print_customer(out, Home(settings.home), customer_id)


@cli.command()
@click.argument("column")
@_home_option
def lineage(column: str, home: Path | None) -> None:
    """Show where a published column comes from, such as published.customer_clv.predicted_spend_90d."""
    settings = _settings(home=home)
    from clv_pipeline.reporting.lineage import print_lineage

    print_lineage(out, Home(settings.home), column)


@cli.command()
@click.argument("customer_id")
@_home_option
def forget(customer_id: str, home: Path | None) -> None:
    """Erase a customer from every file below the home, never load them again, and list what must be deleted by hand."""
    settings = _settings(home=home)
    from clv_pipeline.privacy.erasure import forget as forget_customer

    done = forget_customer(settings, customer_id)
    for place, rows in done.removed.items():
        out.print(f"{_plain(place)}: {rows:,} rows removed")
    for place in done.left:
        out.print(f"[red]left[/] {_plain(place)}")
    if done.left:
        out.print(
            "     next step: delete these (or their mentions of the customer) by hand, then run `clv forget` again to re-check."
        )
        sys.exit(1)
    out.print("Erased; re-import is blocked. The next training leaves them out. Delete them from the source yourself.")


@cli.command()
@click.argument("customer_id")
@click.option("--to", "file", type=click.Path(dir_okay=False, path_type=Path), help="default: subject.json, here")
@_home_option
def export_subject(customer_id: str, file: Path | None, home: Path | None) -> None:
    """Export all data held about a customer as JSON: every row of the warehouse and of every bundle."""
    settings = _settings(home=home)
    from clv_pipeline.privacy.subject import export_subject as export

    written = export(settings, customer_id, file or Path("subject.json"))
    rows = sum(written.row_counts.values())
    out.print(
        f"Wrote {rows:,} rows of {len(written.row_counts)} tables to {_plain(str(written.file))}, readable by you only."
    )


@cli.command()
@click.option("--source", help="a name under sql/0_sources, or any folder of SELECTs with a source.toml")
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
@_home_option
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
    settings = _settings(source=source, source_url=url, as_of=last_day, horizons=horizons, home=home)
    from clv_pipeline.demo_company.company import with_demo_source
    from clv_pipeline.evaluation.backtest import run_backtest, write_tables
    from clv_pipeline.reporting import backtest_card, backtest_report, backtest_tables
    from clv_pipeline.reporting.terminal import print_table

    home_folder, day = Home(settings.home), settings.as_of or date.today()
    settings = with_demo_source(settings, home_folder)
    with err.status("reading") as status:
        found = run_backtest(settings, home_folder, day, windows, lambda step: status.update(_plain(step)))
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


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--against", "window", required=True, help="FIRST_DAY+DAYS, such as 2011-09-11+90d")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="first day unknown to the predictions, if no column as_of_date"
)
@_home_option
def evaluate(file: Path, window: str, as_of: datetime | None, home: Path | None) -> None:
    """Evaluate a FILE of predictions (customer_id, predicted_spend and others) against the actual outcome of a window."""
    settings = _settings(home=home)
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


def _settings(
    *,
    source: str | None = None,
    source_url: str | None = None,
    as_of: date | None = None,
    horizons: str | None = None,
    home: Path | None = None,
) -> Settings:
    """Read the settings; options override them and are passed to Dagster's code location as environment variables."""
    given = {
        "CLV_SOURCE": source, "CLV_SOURCE_URL": source_url, "CLV_HORIZONS": horizons,
        "CLV_AS_OF": as_of.isoformat() if as_of else None, "CLV_HOME": str(home.absolute()) if home else None,
    }  # fmt: skip
    os.environ.update({name: value for name, value in given.items() if value is not None})
    return load_settings()


def _ui_command(settings: Settings) -> str:
    in_checkout = settings.home == DEFAULT_HOME and not IS_INSTALLED
    return "make dev" if in_checkout else f"clv ui --home {settings.home}"


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
