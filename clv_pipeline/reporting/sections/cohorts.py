"""Section on cohorts: spend per customer by month of the first purchase and age, with what is expected marked apart."""

from dataclasses import dataclass
from typing import Any

from clv_pipeline.reporting import formats
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.sections.common import HeatCell, HeatMap, Run, heat_levels, run_of, statement
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("cohorts", "cohort_comparison")
_COHORTS_SHOWN, _OLDEST_AGE = 18, 12
#: A month under way has an actual and a forecast row; their sum is the whole month, and an expectation.
_CELLS = """
select cohort, months_since, any_value(customers) as customers, any_value(is_left_censored) as is_left_censored,
    sum(net_spend) / any_value(customers) as spend, bool_or(row_kind = 'forecast') as is_expected
from cohorts
where cohort_kind = 'cohort' and months_since between 0 and $oldest
    and cohort_month_date in (select distinct cohort_month_date from cohorts where cohort_kind = 'cohort'
        order by cohort_month_date desc limit $shown)
group by cohort, months_since order by cohort, months_since
"""
_COMPARED = """
select age_days, cohort_month_date, customers, spend_per_customer, usual_spend_per_customer, median_spend,
    median_spend_low, median_spend_high, repeat_share, repeat_share_low, repeat_share_high
from cohort_comparison where row_kind = 'cohort' and is_complete and not is_left_censored and age_days = $age
order by cohort_month_date
"""
_AGE_DAYS = 90


@dataclass(frozen=True)
class Cohorts:
    """The heat map and the comparison at one age; the map is None where no cohort has enough customers."""

    statements: list[Statement]
    map: HeatMap | None
    compared: Table


def of_bundle(connection: Connection) -> Cohorts:
    """Return the section."""
    run = run_of(connection)
    cells = records(connection, _CELLS, {"oldest": _OLDEST_AGE, "shown": _COHORTS_SHOWN})
    compared = records(connection, _COMPARED, {"age": _AGE_DAYS})
    return Cohorts(_statements(run, cells, compared), _map(run, cells), _table(compared))


def _statements(run: Run, cells: list[dict[str, Any]], compared: list[dict[str, Any]]) -> list[Statement]:
    if not cells:
        return [statement("No month has five new customers or more, so there is no cohort to show.", "cohorts")]
    found = []
    if compared:
        latest = compared[-1]
        usual, spent = float(latest["usual_spend_per_customer"] or 0), float(latest["spend_per_customer"])
        text = (
            f"The {formats.counted(latest['customers'], 'customer')} of {formats.month(latest['cohort_month_date'])}, the "
            f"latest cohort that is {_AGE_DAYS} days old, spent {run.money(spent)} each in their first {_AGE_DAYS} days"
        )
        if usual > 0:
            text += f"; usual is {run.money(usual)} ({formats.spoken_percent(spent / usual - 1, signed=True)})"
        found.append(statement(f"{text}.", "cohort_comparison"))
        found.append(
            statement(
                f"{formats.spoken_percent(latest['repeat_share'])} of them "
                f"({_percents(latest['repeat_share_low'], latest['repeat_share_high'])}) bought again within that time.",
                "cohort_comparison",
            )
        )
    if any(cell["is_left_censored"] for cell in cells):
        found.append(
            statement(
                "Months with an asterisk are close to the beginning of the data: their customers may have bought before it.",
                "cohorts",
            )
        )
    return found


def _percents(low: formats.Number | None, high: formats.Number | None) -> str:
    return f"{formats.spoken_percent(low)} to {formats.spoken_percent(high)}"


def _map(run: Run, cells: list[dict[str, Any]]) -> HeatMap | None:
    if not cells:
        return None
    # the first month is that of the first purchase, and far above the others: it has a scale of its own
    levels: dict[tuple[str, int], int] = {}
    for first in (True, False):
        group = [cell for cell in cells if (cell["months_since"] == 0) == first]
        found = heat_levels([float(cell["spend"]) for cell in group])
        levels |= {(c["cohort"], c["months_since"]): level for c, level in zip(group, found, strict=True)}
    shown = {(cell["cohort"], cell["months_since"]): cell for cell in cells}
    ages = sorted({age for _, age in shown})
    rows = [
        (
            f"{cohort}{'*' if any(c['is_left_censored'] for c in cells if c['cohort'] == cohort) else ''}",
            [
                HeatCell(formats.count(next(c["customers"] for c in cells if c["cohort"] == cohort))),
                *(_cell(shown.get((cohort, age)), levels.get((cohort, age), 0)) for age in ages),
            ],
        )
        for cohort in sorted({cohort for cohort, _ in shown})
    ]
    return HeatMap(
        f"Net spend per customer of the cohort, {run.currency}, by months since the first purchase",
        ["first purchase", "customers", *(str(age) for age in ages)],
        rows,
    )


def _cell(cell: dict[str, Any] | None, level: int) -> HeatCell:
    if cell is None:
        return HeatCell("")
    return HeatCell(formats.count(cell["spend"]), level, bool(cell["is_expected"]))


def _table(compared: list[dict[str, Any]]) -> Table:
    return Table(
        ["first purchase", "customers", "spend per customer", "usual", "median spend", "bought again"],
        [
            [
                f"{row['cohort_month_date']:%Y-%m}",
                formats.count(row["customers"]),
                formats.money(row["spend_per_customer"]),
                formats.money(row["usual_spend_per_customer"]),
                formats.estimate(*(formats.money(row[f"median_spend{end}"]) for end in ("", "_low", "_high"))),
                formats.estimate(*(formats.percent(row[f"repeat_share{end}"]) for end in ("", "_low", "_high"))),
            ]
            for row in compared[-_COHORTS_SHOWN:]
        ],
        frozenset(range(1, 6)),
    )
