"""The report of a bundle: report.html, from its own tables, page one and the sections. The model card is `bundle_card.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clv_pipeline.core.home import write_durably
from clv_pipeline.reporting import answers, bundle_card, formats, labels
from clv_pipeline.reporting.bundle_shape import is_as_declared
from clv_pipeline.reporting.html import render
from clv_pipeline.reporting.sections import (
    changes,
    channels,
    cohorts,
    data_quality,
    drivers,
    movements,
    next_purchases,
    quality,
    segments,
)
from clv_pipeline.reporting.sections.common import Run, run_of
from clv_pipeline.warehouse.connection import Connection, open_bundle_file


@dataclass(frozen=True)
class Section:
    """A part of the report below page one; without `content` the bundle is older than one of the tables that it needs."""

    name: str
    title: str
    content: object | None


@dataclass(frozen=True)
class _Part:
    name: str
    title: str
    tables: Sequence[str]
    of_bundle: Callable[[Connection], object]


_PARTS = (
    _Part("segments", "Segments", segments.TABLES, segments.of_bundle),
    _Part("movements", "Movements of the customer base", movements.TABLES, movements.of_bundle),
    _Part("cohorts", "Cohorts", cohorts.TABLES, cohorts.of_bundle),
    _Part("channels", "Acquisition channels", channels.TABLES, channels.of_bundle),
    _Part("next_purchases", "Next purchases", next_purchases.TABLES, next_purchases.of_bundle),
    _Part("changes", "What changed since the last report", changes.TABLES, changes.of_bundle),
    _Part("quality", "How good the predictions are", quality.TABLES, quality.of_bundle),
    _Part("drivers", "What drives the predictions", drivers.TABLES, drivers.of_bundle),
    _Part("data_quality", "Data quality", data_quality.TABLES, data_quality.of_bundle),
)


def write_report(folder: Path) -> None:
    """Write report.html and model_card.md into a bundle folder, in the number format in use."""
    with open_bundle_file(folder / "clv.duckdb") as connection:
        write_durably(folder / "report.html", _page(connection).encode())
        write_durably(folder / "model_card.md", bundle_card.of_bundle(connection).encode())


def _page(connection: Connection) -> str:
    run = run_of(connection)
    return render(
        "bundle_report.html",
        source_name=run.values["source_name"],
        as_of=formats.day(run.as_of),
        as_of_in_words=formats.long_day(run.as_of),
        days=run.days,
        currency=run.currency,
        run_id=run.values["run_id"],
        model_version=run.values["model_version"],
        facts=_facts(run),
        season=formats.season(run.values["season_factor"]),
        ranking=labels.ranking(ranking) if (ranking := run.values["ranking"]) else "",
        basis=labels.basis(basis) if (basis := run.values["basis"]) else "",
        answers=answers.of_bundle(connection) if is_as_declared(connection, *answers.TABLES) else None,
        sections=[_section(connection, part) for part in _PARTS],
    )


def _section(connection: Connection, part: _Part) -> Section:
    """Return a section; erasing a customer renders the bundles of older releases again, which may lack tables or columns."""
    is_complete = is_as_declared(connection, *part.tables)
    return Section(part.name, part.title, part.of_bundle(connection) if is_complete else None)


def _facts(run: Run) -> list[tuple[str, str]]:
    values = run.values
    facts = [
        ("customers scored", formats.count(values["customers"])),
        (
            f"predicted spend, next {run.days} days",
            formats.money(values["predicted_spend_total"], run.currency, digits=0),
        ),
        (
            "90 % interval of that total",
            formats.money_range(
                values["predicted_spend_total_low"], values["predicted_spend_total_high"], run.currency
            ),
        ),
        (f"actual spend, last {run.days} days", formats.money(values["trailing_spend_total"], run.currency, digits=0)),
        ("share of the largest customer", formats.percent(values["largest_customer_share"])),
    ]
    return [(name, value) for name, value in facts if value]
