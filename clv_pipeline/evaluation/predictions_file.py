"""Evaluation of an external file of predictions, by the same metrics as our own models."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from clv_pipeline.core.error_texts import kind_of
from clv_pipeline.core.errors import ConfigurationError, nearest
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.window_spend import spend_by_customer
from clv_pipeline.modeling import metrics
from clv_pipeline.warehouse.connection import Connection, has_table, one_row

_WINDOW = re.compile(r"^(\d{4}-\d{2}-\d{2})\+(\d+)d?$")
#: Columns are recognised by the beginning of their names, so that our own published tables can be evaluated unchanged.
_SPEND, _CHANCE = "predicted_spend", "purchase_probability"
_LOW, _HIGH, _TYPICAL = "predicted_spend_low", "predicted_spend_high", "typical_spend"
_IF_BUYING_LOW, _IF_BUYING_HIGH = "spend_if_buying_low", "spend_if_buying_high"
#: The columns that say from which day on a prediction looks: in our published tables, in many others, in our backtests.
_AS_OF = ("as_of_date", "as_of", "cutoff")
#: The share of a file's customers who may have become known only after its day: an order may have been corrected since.
_KNOWN_LATER = 0.01


@dataclass(frozen=True)
class FileEvaluation:
    """Metrics of a file for a window; `missing` customers bought before the window and are not in the file.

    as_of: the predictions used nothing from this day on; at or before `start`.
    """

    start: date
    days: int
    as_of: date
    customers: int
    missing: int
    estimates: dict[str, metrics.Estimate]


def parse_window(text: str) -> tuple[date, int]:
    """Return (first day, days) of a window such as 2011-09-11+90d.

    >>> parse_window("2011-09-11+90d")
    (datetime.date(2011, 9, 11), 90)

    Raises:
        ConfigurationError: the text is not of this form, or its first day is in no calendar.
    """
    match = _WINDOW.match(text)
    with suppress(ValueError):
        if match:
            return date.fromisoformat(match[1]), int(match[2])
    raise ConfigurationError(
        f"The window '{text}' cannot be read", next_step="write it as FIRST_DAY+DAYS, such as 2011-09-11+90d."
    )


def judge_file(
    connection: Connection, settings: Settings, path: Path, window: str, as_of: date | None = None
) -> FileEvaluation:
    """Return the accuracy of the predictions in `path` (CSV or Parquet: customer_id, predicted_spend...) for a window.

    Predictions made with knowledge of the window are no predictions, so the file says in a column as_of_date from which day
    on it looks, or the caller does in `as_of`. A file that names customers who were not known before the window was made
    after it began, whatever it says. It does not matter when the file was written: a night that was run again for a past
    day knows only what came before that day.

    Customers who had bought before the window and are not in the file count as predicted 0: leaving out difficult ones
    must not improve the score. `connection` is to a warehouse with the orders of the window.

    Raises:
        ConfigurationError: the window or the file cannot be read, a column is missing, a customer is listed twice, or the
            predictions may know what happened in the window: their as_of is unknown or later than its first day, or they
            name customers who came later.
    """
    start, days = parse_window(window)
    if not has_table(connection, "raw.extraction"):
        raise ConfigurationError(
            "This home's warehouse has no orders yet",
            next_step="`clv run` loads them; or name another home with --home.",
        )
    (known,) = one_row(connection, "select as_of from raw.extraction")
    if start + timedelta(days=days) > known:
        raise ConfigurationError(
            f"The window {window} ends after {known}, the last day with orders in this warehouse",
            next_step="run with a later --as-of first, or name an earlier window.",
        )
    frame = _read(path)
    known_until = _as_of(frame, path, as_of)
    if known_until > start:
        raise ConfigurationError(
            f"The predictions in {path} are as of {known_until}, later than {start}, the first day of the window: they may use "
            "what they should predict",
            next_step=f"give predictions as of {start} or earlier (`clv run --as-of {start}` makes ours), "
            f"or name a window that begins later: --against {known_until}+{days}d.",
        )
    _refuse_hindsight(connection, frame, path, start)
    spend = _column(frame, _SPEND, days)
    if spend is None:
        raise ConfigurationError(
            f"{path} has no column '{_SPEND}'{nearest(_SPEND, [str(c) for c in frame])}",
            next_step=f"give it the columns customer_id and {_SPEND} (money), one row per customer.",
        )
    truth = spend_by_customer(connection, start, start + timedelta(days=days), known_before=start)
    if truth.empty:
        raise ConfigurationError(
            f"Nobody had bought before {start} in this warehouse", next_step="name a window inside its history."
        )
    found = truth.merge(frame, on="customer_id", how="left", indicator=True)
    estimates = metrics.measure(
        metrics.SPEND_METRICS, found["spend"].to_numpy(), found[spend].fillna(0).to_numpy(np.float64),
        samples=settings.bootstrap_samples, seed=settings.seed,
    )  # fmt: skip
    estimates |= _of_distribution(found, days, found[spend], settings)
    return FileEvaluation(start, days, known_until, len(found), int((found["_merge"] == "left_only").sum()), estimates)


def _of_distribution(
    found: pd.DataFrame, days: int, spend: pd.Series, settings: Settings
) -> dict[str, metrics.Estimate]:
    """Return the metrics of what else the file has: the probability, the median, the intervals of everybody and of buyers."""
    samples, seed = settings.bootstrap_samples, settings.seed
    actual, flag = found["spend"].to_numpy(), found["has_bought"].to_numpy(np.float64)

    def values(kind: str) -> metrics.Array | None:
        name = _column(found, kind, days)
        return None if name is None else found[name].fillna(0).to_numpy(np.float64)

    estimates: dict[str, metrics.Estimate] = {}
    if (chance := values(_CHANCE)) is not None:
        estimates |= metrics.measure(metrics.PROBABILITY_METRICS, flag, chance, samples=samples, seed=seed)
    if (typical := values(_TYPICAL)) is not None:
        by_typical = metrics.measure(
            {"mean_absolute_error": metrics.mean_absolute_error}, actual, typical, samples=samples, seed=seed
        )
        estimates |= {f"typical_{name}": estimate for name, estimate in by_typical.items()}
    covered: dict[str, float] = {}
    if (low := values(_LOW)) is not None and (high := values(_HIGH)) is not None:
        predicted = spend.fillna(0).to_numpy(np.float64)
        covered |= {f"interval_{n}": v for n, v in metrics.coverage(actual, predicted, low, high).items()}
    if (low := values(_IF_BUYING_LOW)) is not None and (high := values(_IF_BUYING_HIGH)) is not None:
        covered["if_buying_coverage"] = metrics.coverage_of_buyers(actual, low, high)
    return estimates | {name: metrics.Estimate(value, np.nan, np.nan) for name, value in covered.items()}


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise ConfigurationError(f"There is no file {path}", next_step="give the path of a CSV or Parquet file.")
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"customer_id": str})
    except Exception as error:  # any reader error means the same: the file is not of the type its name says
        raise ConfigurationError(
            f"{path} cannot be read: {kind_of(error)}", next_step="give a CSV or Parquet file."
        ) from None
    if "customer_id" not in frame:
        raise ConfigurationError(
            f"{path} has no column 'customer_id'{nearest('customer_id', [str(c) for c in frame])}",
            next_step="name the customer's column customer_id.",
        )
    if frame.empty:
        raise ConfigurationError(f"{path} has no rows", next_step="give it one row per customer.")
    frame["customer_id"] = frame["customer_id"].astype(str)
    twice = int(frame["customer_id"].duplicated().sum())
    if twice:
        raise ConfigurationError(
            f"{path}: {twice} rows repeat a customer_id of another row", next_step="keep one row per customer."
        )
    return frame


def _as_of(frame: pd.DataFrame, path: Path, given: date | None) -> date:
    """Return the day from which on the predictions look: the latest one of the file, else the one that was given."""
    column = next((name for name in _AS_OF if name in frame), None)
    if column is None and given is None:
        raise ConfigurationError(
            f"{path} does not say as of which day its predictions were made: it has no column '{_AS_OF[0]}'",
            next_step="pass --as-of DATE, the first day of which the predictions know nothing, or add that column.",
        )
    if column is None:
        assert given is not None
        return given
    days = pd.to_datetime(frame[column].astype(str), format="ISO8601", errors="coerce")
    if days.isna().any():
        raise ConfigurationError(
            f"{path}: {int(days.isna().sum())} of {len(days)} values of '{column}' are not dates",
            next_step="write them as 2011-09-11.",
        )
    latest: date = days.max().date()
    if given is not None and given != latest:
        raise ConfigurationError(
            f"{path} says in '{column}' that its predictions are as of {latest}, --as-of says {given}",
            next_step="leave out --as-of, or correct the column.",
        )
    return latest


def _refuse_hindsight(connection: Connection, frame: pd.DataFrame, path: Path, start: date) -> None:
    ids = frame["customer_id"].tolist()
    later, first = one_row(
        connection,
        """
        select count(*), min(first_seen_date) from clean.customers
        where first_seen_date >= $start and list_contains($ids, customer_id)
        """,
        {"start": start, "ids": ids},
    )
    if later > _KNOWN_LATER * len(ids):
        raise ConfigurationError(
            f"{path} was made after the window began: {later:,} of its {len(ids):,} customers were not known before {start} "
            f"(the first of them came on {first})",
            next_step=f"give predictions that were made with data up to {start}, or name a window that begins later.",
        )


def _column(frame: pd.DataFrame, kind: str, days: int) -> str | None:
    """Return the file's column of a kind: `kind`, or `kind_90d` for that horizon."""
    return next((name for name in (f"{kind}_{days}d", kind) if name in frame), None)
