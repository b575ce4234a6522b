"""Commands of the nightly job: start a source, check it, run the night, look at its state."""

import sys
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from clv_pipeline.cli.interrupts import at_a_hard_end, end_if_interrupted
from clv_pipeline.cli.shared import (
    dashboard_command,
    err,
    home_option,
    out,
    plain,
    settings_of,
    source_option,
    ui_command,
)
from clv_pipeline.core.home import Home
from clv_pipeline.core.project_files import IS_INSTALLED
from clv_pipeline.diagnostics.findings import print_findings


@click.command()
@click.argument("name")
@click.option("--url", help="look at this database, or folder of files, and write SELECTs that fit it")
@click.option(
    "--from",
    "layout",
    metavar="LAYOUT",
    help="a worked source for a known export or schema: shopify, woocommerce, magento, stripe, ga4 or olist",
)
@click.option("--yes", is_flag=True, help="ask nothing: take every guess, and list it")
def init(name: str, url: str | None, layout: str | None, yes: bool) -> None:
    """Start a new source: write source.toml and the SELECTs, fitted to the database at --url.

    With --url its tables are looked at, what each column seems to be is written with the reason beside it, and what data cannot
    tell is asked at a terminal. Without it, each SELECT is one to be filled in. In a checkout of the project, NAME is created
    under sql/0_sources. Where clv was installed from a wheel, it is created in the current folder, as ./NAME is. A NAME with a /
    in it is used as a path.
    """
    source = f"./{name}" if IS_INSTALLED and "/" not in name else name
    if layout:
        from clv_pipeline.cli.onboarding import connect_known

        connect_known(name, layout, url, source)
        return
    if url:
        from clv_pipeline.cli.onboarding import connect

        connect(name, url, source, asks=not yes and sys.stdin.isatty())
        return
    from clv_pipeline.onboarding.scaffold import scaffold

    folder = scaffold(name)
    out.print(f"Wrote {folder}. Edit orders.sql first, then: clv doctor --source {source} --url YOUR_DATABASE_URL")


@click.command()
@source_option
@click.option("--url", help="database URL, or a folder of CSV and Parquet files (else CLV_SOURCE_URL)")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="look as a run with this --as-of would")
@home_option
def doctor(source: str | None, url: str | None, as_of: datetime | None, home: Path | None) -> None:
    """Read the source once and show what is in it, what is still to decide, and whether tonight's run would work.

    Shown are rows and days of each table, money by year, statuses, currencies, keys, guests, consents, and numbered points with
    the lines to paste. Nothing is changed and nothing is kept; it takes about as long as a night takes to read and clean.
    The exit code is 1 if a line is fail: tonight's run would be refused. A line that is warn or decide stops no run.
    """
    settings = settings_of(source=source, source_url=url, as_of=as_of.date() if as_of else None, home=home)
    from clv_pipeline.demo_company.company import with_demo_source
    from clv_pipeline.diagnostics.doctor import examine, examine_source
    from clv_pipeline.diagnostics.profile.look import remove_scratch
    from clv_pipeline.diagnostics.profile.printing import print_points, print_profile, print_verdict
    from clv_pipeline.reporting.formats import count

    found = print_findings(out, examine(settings))
    home_folder = Home(settings.home)
    if home_folder.demo_database.exists():
        settings = with_demo_source(settings, home_folder)
    at_a_hard_end(partial(remove_scratch, settings))
    with err.status("reading the source") as shown:
        seen = examine_source(
            settings, lambda what, rows: shown.update(f"{what}{f': {count(rows)} rows read' if rows else ''}")
        )
    end_if_interrupted()
    found |= print_findings(out, seen.findings)
    if seen.not_looked_at:
        out.print(f"not looked at: the source ({seen.not_looked_at})")
    if profile := seen.profile:
        print_profile(out, profile)
        print_points(out, profile.points)
        print_verdict(out, profile)
    is_refused = "fail" in found or bool(seen.profile and seen.profile.numbers_of("fail"))
    day = f" --as-of {as_of:%Y-%m-%d}" if as_of else ""
    address = "set CLV_SOURCE_URL to the address that you gave as --url, then: " if url else ""
    out.print(
        f"Next: settle what fails, then: clv doctor{day}" if is_refused else f"Next: {address}clv run{day}",
        markup=False,
    )
    sys.exit(1 if is_refused else 0)


@click.command()
@source_option
@click.option("--url", help="database URL, or a folder of CSV and Parquet files (else CLV_SOURCE_URL)")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="score as of this day; only earlier data is used")
@click.option("--horizons", help="days to predict, such as 90,180")
@click.option("--retrain", is_flag=True, help="train even if no training is due")
@click.option(
    "--acknowledge", multiple=True, metavar="CHECK", help="publish although this check failed, for this run only"
)
@home_option
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
    settings = settings_of(
        source=source, source_url=url, as_of=as_of.date() if as_of else None, horizons=horizons, home=home
    )
    from clv_pipeline.quality.night_checks import known_checks

    acknowledged = known_checks(acknowledge)
    from clv_pipeline.orchestration.runs import run_nightly

    outcome = run_nightly(settings, retrain=retrain, acknowledged=acknowledged)
    end_if_interrupted()
    from clv_pipeline.reporting.terminal import print_summary, print_warnings

    if not outcome.succeeded:
        for failure in outcome.failures:
            out.print(f"[bold red]error[/] {plain(failure.message)}")
        print_warnings(out, outcome.checks_failed)
        out.print(f"The run failed; the bundle published before is still served. Details: {ui_command(settings)}")
        sys.exit(1)
    print_summary(
        out, Home(settings.home), outcome.checks_passed, outcome.checks_failed,
        dashboard_command=dashboard_command(settings), ui_command=ui_command(settings),
    )  # fmt: skip


@click.command()
@source_option
@home_option
def status(source: str | None, home: Path | None) -> None:
    """Show the served bundle and its age, the result of the newest run, the next run, the champion, and the disk space used.

    Exit codes for monitors: 0 every line is ok; 1 a line is warn; 3 red: the newest run failed; 5 nothing was ever published;
    4 stale: the served bundle is older than max_stale_days; 6 another line is fail, such as a damaged file or a next run that
    nothing starts; 2 the command is mistyped. Of several, the first of 3, 5, 4, 6, 1 is given.
    """
    settings = settings_of(source=source, home=home)
    from clv_pipeline.alerts.outbox import ONE_TRY
    from clv_pipeline.diagnostics.alerts import about_alerts
    from clv_pipeline.diagnostics.status import exit_code, look
    from clv_pipeline.orchestration.history import about_runs
    from clv_pipeline.orchestration.night_reports import tell_of_nights

    tell_of_nights(settings, tries=ONE_TRY)
    findings = [*look(settings), *about_runs(Home(settings.home), settings), *about_alerts(settings)]
    print_findings(out, findings)
    sys.exit(exit_code(findings))


@click.command("explain-run")
@click.argument("run", default="latest", metavar="[RUN]")
@source_option
@home_option
def explain_run(run: str, source: str | None, home: Path | None) -> None:
    """Tell what a run read, refused, changed and published, compared with the run before it; of a red one, the first cause.

    RUN is a run's number or the beginning of it, the name of a published bundle, or latest, which is the default.
    """
    settings = settings_of(source=source, home=home)
    from clv_pipeline.diagnostics.run_story import print_story
    from clv_pipeline.orchestration.run_records import read_run
    from clv_pipeline.orchestration.ui import address_of

    opened = Home(settings.home)
    print_story(out, opened, *read_run(opened, run), address_of(opened))


@click.command("test-alert")
@source_option
@home_option
def try_alert(source: str | None, home: Path | None) -> None:
    """Send a test message to CLV_ALERT_URL and CLV_ALERT_COMMAND, which are told of red nights.

    They are also told of stale, recovered and acknowledged nights, once each; the runbook shows the messages.

    The exit code is 1 if the message did not arrive, or if neither is set.
    """
    settings = settings_of(source=source, home=home)
    from clv_pipeline.diagnostics.alerts import try_alerts

    sys.exit(1 if "fail" in print_findings(out, try_alerts(settings)) else 0)
