"""Section on what drives the predictions: features and sources, measured on the test window, and how a feature changes them."""

from dataclasses import dataclass

from clv_pipeline.reporting import formats, html, labels, plots
from clv_pipeline.reporting.answers import Statement
from clv_pipeline.reporting.html import Picture
from clv_pipeline.reporting.sections.common import LONGEST_LIST, Run, run_of, statement
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

TABLES = ("feature_importance", "permutation_importance", "partial_dependence", "source_ablation")
#: Below this share of explained differences the reasons are rough.
_FAITHFUL = 0.8
_DEPENDENCE = """
select partial_dependence.description, value, value_as_number is not null, prediction,
    partial_dependence.interval_low, partial_dependence.interval_high
from partial_dependence
inner join permutation_importance using (target, feature, source_family)
where target = $target
order by permutation_importance.rank, position
"""


@dataclass(frozen=True)
class DriversOfTarget:
    """Drivers of one champion's predictions, measured on the test window: by feature, by source, by value of a feature."""

    name: str
    by_feature: Picture
    by_source: Picture
    dependence: Picture | None


@dataclass(frozen=True)
class Drivers:
    """Average effects; drivers of both champions, the spend first; the gain from each source. Empty without a test window."""

    statements: list[Statement]
    contributions: Picture | None
    targets: list[DriversOfTarget]
    sources: Table


def of_bundle(connection: Connection) -> Drivers:
    """Return the section."""
    run = run_of(connection)
    top = connection.execute(
        f"select description, mean_contribution from feature_importance order by rank limit {LONGEST_LIST}"
    ).fetchall()
    targets = connection.execute(
        "select distinct target from permutation_importance where mean_drop is not null order by target desc"
    ).fetchall()
    return Drivers(
        _statements(run, top),
        _contributions(run, top),
        [_of_target(connection, target, run) for (target,) in targets],
        _sources(connection) if targets else Table([], []),
    )


def _statements(run: Run, top: list[tuple[str, float]]) -> list[Statement]:
    if not top:
        return [statement("No feature changes the predictions.", "feature_importance")]
    name, value = top[0]
    found = [
        statement(
            f"What moves a prediction most is this feature: {name}. On average it moves a customer's predicted spend by "
            f"{run.money(value)} up or down.",
            "feature_importance",
        )
    ]
    fidelity = run.values["reasons_fidelity"]
    if fidelity is not None:
        rough = " Below 80 %, reasons are rough." if fidelity < _FAITHFUL else ""
        found.append(
            statement(
                f"The reasons explain {formats.spoken_percent(fidelity)} of the differences between predictions.{rough}",
                "clv_run",
            )
        )
    return found


def _contributions(run: Run, top: list[tuple[str, float]]) -> Picture | None:
    if not top:
        return None
    names, values = [str(name) for name, _ in top], [float(value) for _, value in top]
    return html.drawn(
        "Average effect of a feature on predicted spend",
        f"{formats.counted(len(top), 'feature')}, the strongest first: {names[0]} with {run.money(values[0])}.",
        plots.horizontal_bars,
        names,
        values,
        run.currency,
        tables=("feature_importance",),
    )


def _of_target(connection: Connection, target: str, run: Run) -> DriversOfTarget:
    features, sources = (_importance(connection, target, kind) for kind in ("feature", "source"))
    points = connection.execute(_DEPENDENCE, {"target": target}).fetchall()
    name, lost, unit = labels.drivers(target, run.currency)
    by_feature, by_source = (
        html.drawn(
            f"{name}: importance by {kind}",
            f"{formats.counted(len(bars), kind)}, the most important first: {bars[0][0]} with {formats.decimal(bars[0][1])} "
            f"{lost}. The thin lines are 90 % intervals.",
            plots.bars_with_intervals,
            bars,
            lost,
            tables=("permutation_importance",),
        )
        for kind, bars in (("feature", features), ("source", sources))
    )
    dependence = (
        html.drawn(
            f"{name} by value of a feature",
            f"One small picture for each of {len({point[0] for point in points})} features; the band is the 90 % interval.",
            plots.dependence,
            points,
            unit,
            tables=("partial_dependence",),
        )
        if points
        else None
    )
    return DriversOfTarget(name, by_feature, by_source, dependence)


def _importance(connection: Connection, target: str, row_kind: str) -> list[plots.Bar]:
    return connection.execute(
        """
        select description, mean_drop, interval_low, interval_high from permutation_importance
        where target = $target and row_kind = $kind and rank <= $longest and mean_drop is not null order by rank
        """,
        {"target": target, "kind": row_kind, "longest": LONGEST_LIST},
    ).fetchall()


def _sources(connection: Connection) -> Table:
    """Return the gain of one fixed model from each source, the most helpful for the ranking first."""
    shown = ("normalised_gini", "spearman", "top_decile_capture", "root_mean_squared_error")
    cells = {
        (row["description"], row["metric"]): formats.metric_estimate(
            row["metric"], row["difference"], row["interval_low"], row["interval_high"], signed=True
        )
        for row in records(connection, "select * from source_ablation where difference is not null")
    }
    verdicts = connection.execute(
        """
        select description, case when interval_low > 0 then 'helps' when interval_high < 0 then 'hurts'
            else 'no clear effect' end
        from source_ablation
        where metric = 'normalised_gini' and difference is not null
        order by difference desc, left_out
        """
    ).fetchall()
    return Table(
        ["source", "effect on the ranking", *(labels.metric(m).label for m in shown)],
        [[source, verdict, *(cells.get((source, m), "") for m in shown)] for source, verdict in verdicts],
        frozenset(range(2, 2 + len(shown))),
    )
