"""Models compared on a test window, as tables of reports and cards. Rows come from `model_quality` or from a backtest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.tables import Table

SPEND_METRICS = (
    "normalised_gini", "spearman", "top_decile_capture", "top_decile_share", "top_fifth_share", "wape",
    "root_mean_squared_error", "mean_absolute_error", "decile_wape", "total_bias",
)  # fmt: skip
PROBABILITY_METRICS = ("roc_auc", "log_loss", "brier")
#: What fits a terminal, and the table that marketing reads.
SPEND_METRICS_IN_SHORT = ("normalised_gini", "spearman", "top_decile_capture", "wape", "total_bias")
INTERVAL_METRICS = (
    "interval_coverage", "if_buying_coverage", "pooled_interval_coverage", "pooled_if_buying_coverage",
    "interval_coverage_of_buyers", "interval_lowest_decile_coverage", "interval_coverage_of_top_decile",
    "typical_mean_absolute_error", "probability_calibration_slope", "probability_log_loss",
    "total_actual_over_low", "total_actual_over_high",
)  # fmt: skip
_BUY_TILL_YOU_DIE = "btyd"


@dataclass(frozen=True)
class Judged:
    """A model on one test window; `estimates` is metric -> value, low, high, without the values that are undefined."""

    row_kind: str
    candidate: str
    is_baseline: bool
    is_champion: bool
    estimates: dict[str, tuple[Any, Any, Any]] = field(default_factory=dict)

    def value(self, metric: str) -> float:
        return float(self.estimates[metric][0])

    def shown(self, metric: str, *, with_interval: bool) -> str:
        """Return the cell of a metric; empty where it is undefined.

        >>> blend = Judged("model", "blend", False, True, {"total_bias": (-0.02, -0.05, 0.01)})
        >>> blend.shown("total_bias", with_interval=True), blend.shown("wape", with_interval=True)
        ('-2.0% [-5.0%, +1.0%]', '')
        """
        value, low, high = self.estimates.get(metric, (None, None, None))
        return formats.metric_estimate(metric, value, low, high) if with_interval else formats.metric(metric, value)


def judged_models(rows: Iterable[Mapping[str, Any]]) -> list[Judged]:
    """Return the models among rows of row_kind, target, candidate, is_baseline, is_champion, metric, value, low, high.

    One name can stand for two models, one for spend and one for the purchase probability; only one may be champion.

    >>> row = {"row_kind": "model", "target": "spend", "candidate": "btyd", "is_baseline": False, "is_champion": True}
    >>> judged_models([{**row, "metric": "wape", "value": 0.7, "low": 0.6, "high": 0.8}])[0].shown("wape", with_interval=True)
    '0.700 [0.600, 0.800]'
    """
    models: dict[tuple[str, str, str], Judged] = {}
    for row in rows:
        kind, name = str(row["row_kind"]), str(row["candidate"])
        new = Judged(kind, name, bool(row["is_baseline"]), bool(row["is_champion"]))
        known = models.setdefault((kind, str(row["target"]), name), new)
        if not formats.is_missing(row["value"]):
            known.estimates[str(row["metric"])] = (row["value"], row["low"], row["high"])
    return list(models.values())


def ranked(models: Sequence[Judged], metric: str, *, lower_is_better: bool = False) -> list[Judged]:
    """Return the models that have the metric, best first.

    >>> wapes = {"btyd": 0.8, "blend": 0.7}
    >>> found = [Judged("model", name, False, False, {"wape": (wape, None, None)}) for name, wape in wapes.items()]
    >>> [model.candidate for model in ranked(found, "wape", lower_is_better=True)]
    ['blend', 'btyd']
    """
    sign = 1 if lower_is_better else -1
    return sorted((m for m in models if metric in m.estimates), key=lambda m: (sign * m.value(metric), m.candidate))


def comparison(models: Sequence[Judged], metrics: Sequence[str], *, with_intervals: bool) -> Table:
    """Return one row per model with its role and metrics.

    >>> blend = Judged("model", "blend", False, True, {"wape": (0.7, 0.6, 0.8)})
    >>> comparison([blend], ["wape"], with_intervals=True).rows
    [['blend', 'champion', '0.700 [0.600, 0.800]']]
    """
    return Table(
        ["model", "role", *(labels.metric(m).label for m in metrics)],
        [
            [
                model.candidate,
                labels.role(is_champion=model.is_champion, is_baseline=model.is_baseline),
                *(model.shown(m, with_interval=with_intervals) for m in metrics),
            ]
            for model in models
        ],
        frozenset(range(2, 2 + len(metrics))),
    )


def comparisons(
    models: Sequence[Judged], spend_metrics: Sequence[str] = SPEND_METRICS, *, with_intervals: bool
) -> list[tuple[str, Table]]:
    """Return the tables of a window with their names: spend, purchase probability, intervals; those that have rows.

    >>> blend = Judged("model", "blend", False, True, {"normalised_gini": (0.8, 0.7, 0.9)})
    >>> [(name, table.rows) for name, table in comparisons([blend], ["normalised_gini"], with_intervals=False)]
    [('Spend', [['blend', 'champion', '0.800']])]
    """
    spend = ranked(models, "normalised_gini")
    purchase = ranked(models, "log_loss", lower_is_better=True)
    found = []
    if spend:
        found.append(("Spend", comparison(spend, spend_metrics, with_intervals=with_intervals)))
    if purchase:
        found.append(("Purchase probability", comparison(purchase, PROBABILITY_METRICS, with_intervals=with_intervals)))
    intervals = measured_intervals(models)
    if intervals:
        rows = [
            [labels.metric(m).label, intervals.shown(m, with_interval=False), labels.metric(m).meaning]
            for m in INTERVAL_METRICS
            if m in intervals.estimates
        ]
        found.append(
            ("Published intervals and probabilities", Table(["measure", "value", "meaning"], rows, frozenset({1})))
        )
    return found


def measured_intervals(models: Iterable[Judged]) -> Judged | None:
    """Return the accuracy of the published intervals; None if no earlier window could measure it.

    >>> published = Judged("published", "blend", False, True, {"interval_coverage": (0.9, None, None)})
    >>> measured_intervals([published]).shown("interval_coverage", with_interval=False)
    '90.0%'
    """
    return next((m for m in models if m.row_kind == "published" and m.estimates), None)


def highlights(models: Sequence[Judged]) -> list[tuple[str, Judged]]:
    """Return role and model of the spend champion, the buy-till-you-die model and the best fixed baseline, each once.

    >>> gini = {"normalised_gini": (0.8, 0.7, 0.9)}
    >>> found = [Judged("model", "blend", False, True, gini), Judged("model", "spend_rate", True, False, gini)]
    >>> [(role, model.candidate) for role, model in highlights(found)]
    [('champion', 'blend'), ('best baseline', 'spend_rate')]
    """
    spend = ranked(models, "normalised_gini")
    chosen: dict[str, tuple[str, Judged]] = {}
    for role, group in (
        ("champion", [m for m in spend if m.is_champion]),
        ("", [m for m in spend if m.candidate == _BUY_TILL_YOU_DIE]),
        ("best baseline", [m for m in spend if m.is_baseline][:1]),
    ):
        for model in group:
            chosen.setdefault(model.candidate, (role, model))
    return list(chosen.values())


def terms(tables: Iterable[Table]) -> list[labels.Metric]:
    """Return the metrics whose labels are headings of the tables, to be explained below them.

    >>> [metric.label for metric in terms([Table(["model", "WAPE"], [])])]
    ['WAPE']
    """
    headings = {name for table in tables for name in table.header}
    return [metric for metric in labels.METRICS.values() if metric.label in headings]
