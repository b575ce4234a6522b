"""The figures of a backtest as tables, shared by its page, its section of docs/accuracy.md, its card and the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from clv_pipeline.evaluation.backtest import Backtest
from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.model_card import statements
from clv_pipeline.reporting.quality_tables import SPEND_METRICS_IN_SHORT, Judged, comparisons, highlights, judged_models
from clv_pipeline.reporting.tables import Table

_DIFFERENCES = ("normalised_gini", "spearman", "root_mean_squared_error")


@dataclass(frozen=True)
class Window:
    """One test window of a backtest: the rows of each of its frames that belong to it."""

    backtest: Backtest
    days: int
    cutoff: date

    @property
    def name(self) -> str:
        return labels.window(self.days, self.cutoff)

    @property
    def customers(self) -> int:
        return int(self.rows("quality")["customers"].iloc[0])

    @property
    def models(self) -> list[Judged]:
        return judged_models(_records(self.rows("quality")))

    @property
    def verdicts(self) -> list[str]:
        """Return the verdict and its reason for each target."""
        return [
            f"Champion for {labels.target(row['target'])}: {row['candidate']}. Reason: {row['reason']}."
            for row in _records(self.rows("verdicts"))
        ]

    @property
    def statements(self) -> list[str]:
        """Return the verdict in words."""
        return statements(_records(self.rows("quality")))

    def rows(self, frame: str) -> pd.DataFrame:
        """Return the window's rows of a frame of the backtest."""
        found: pd.DataFrame = getattr(self.backtest, frame)
        return found[(found["horizon_days"] == self.days) & (found["cutoff"] == self.cutoff)]

    def tables(self, *, with_intervals: bool) -> list[tuple[str, Table]]:
        """Return the tables of the models and of the champion's lead, each with its name."""
        return [*comparisons(self.models, with_intervals=with_intervals), ("Lead of the spend champion", self._lead())]

    def _lead(self) -> Table:
        """Return the champion's lead over each other model, with the paired interval."""
        rows = []
        for name, group in self.rows("differences").groupby("candidate"):
            # the champion itself is no lead
            if group["value"].abs().sum() != 0:
                found = {row["metric"]: row for row in _records(group)}
                rows.append([str(name), *(_difference(m, found[m]) for m in _DIFFERENCES)])
        return Table(["champion minus", *(labels.metric(m).label for m in _DIFFERENCES)], rows, frozenset({1, 2, 3}))


def windows(backtest: Backtest) -> Iterator[Window]:
    """Yield the test windows in the order of evaluation."""
    pairs = backtest.quality[["horizon_days", "cutoff"]].drop_duplicates()
    for days, cutoff in pairs.itertuples(index=False):
        yield Window(backtest, int(days), cutoff)


def learning(backtest: Backtest) -> Table:
    """Return the metrics of one model trained on a share of the customers."""
    shown = ("normalised_gini", "root_mean_squared_error")
    rows = [
        [
            formats.percent(row["share"], digits=0),
            formats.count(row["customers"]),
            *(formats.metric(m, row[m]) for m in shown),
        ]
        for row in _records(backtest.learning)
    ]
    header = ["share of customers", "customers", *(labels.metric(m).label for m in shown)]
    return Table(header, rows, frozenset(range(1, len(header))))


def sources(backtest: Backtest) -> Table:
    """Return the gain of one fixed model from each source's features, with the paired interval."""
    gini = "normalised_gini"
    rows = [
        [
            labels.words(row["left_out"]),
            formats.metric(gini, row["with_source"]),
            formats.metric(gini, row["without_source"]),
            _difference(gini, row),
        ]
        for row in _records(backtest.sources[backtest.sources["metric"] == gini])
    ]
    return Table(["features of", "Gini with", "Gini without", "difference"], rows, frozenset({1, 2, 3}))


def summary(backtest: Backtest) -> Table:
    """Return each window's champion, buy-till-you-die model and best baseline, for the command line."""
    rows = [
        [
            str(window.days),
            str(window.cutoff),
            model.candidate,
            *(model.shown(m, with_interval=False) for m in SPEND_METRICS_IN_SHORT),
        ]
        for window in windows(backtest)
        for _, model in highlights(window.models)
    ]
    return Table(["days", "from", "model", *(labels.metric(m).label for m in SPEND_METRICS_IN_SHORT)], rows)


def _difference(metric: str, row: dict[str, Any]) -> str:
    return formats.metric_estimate(metric, row["value"], row["low"], row["high"], signed=True)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
