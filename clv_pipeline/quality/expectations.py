"""The Great Expectations suites of the clean tables, and running them over batches so that memory stays flat.

A suite has two parts: rules on rows, checked batch by batch over every row, and rules on the table as a whole (its
profile: counts, duplicate keys, totals), which one scan reduces to a one-row frame. Both block the table.
Great Expectations takes seconds and 300 MB to import, so it is imported here only once a table is validated.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from clv_pipeline.warehouse.connection import Connection, columns_of

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

_BATCH_ROWS = 250_000
_ONE_MILLIARD = 1_000_000_000


@dataclass(frozen=True)
class RuleResult:
    """One expectation over the whole table: how many values it looked at and how many broke it."""

    rule: str
    column: str
    checked: int
    unexpected: int
    examples: tuple[str, ...]
    passed: bool

    def describe(self, table: str) -> str:
        examples = f", for example {', '.join(self.examples)}" if self.examples else ""
        return f"{table}.{self.column}: {self.unexpected} of {self.checked} values break '{self.rule}'{examples}"


@dataclass(frozen=True)
class Suite:
    """Expectations on rows, a query that profiles the table in one row, and expectations on that profile."""

    rows: list[Expectation]
    profile_query: str
    profile: list[Expectation]
    needs_rows: bool = False


class Validator:
    """Runs the suite of a clean table; keeps the Great Expectations context, which is created once per run."""

    def __init__(self) -> None:
        self._suites: dict[str, Suite] | None = None
        self._batches: Any = None

    def validate(self, connection: Connection, table: str) -> list[RuleResult]:
        """Return one result per rule for a `clean` table; for an empty table only its columns are checked."""
        suite = self._suite(table.split(".")[1])
        columns = columns_of(connection, table)
        profile = connection.sql(suite.profile_query.format(table=table)).df()
        if not profile["row_count"].item() and not suite.needs_rows:
            return [_unchecked(rule) for rule in (*suite.rows, *suite.profile)]
        results = []
        if suite.rows:
            batches = [self._run(frame, suite.rows) for frame in _frames(connection, table, suite, columns)]
            results += _merge(batches) if batches else [_unchecked(rule) for rule in suite.rows]
        return results + self._run(profile, suite.profile)

    def _suite(self, name: str) -> Suite:
        if self._suites is None:
            import great_expectations as gx
            from great_expectations.data_context.types.base import (
                DataContextConfig,
                InMemoryStoreBackendDefaults,
                ProgressBarsConfig,
            )

            logging.getLogger("great_expectations").setLevel(logging.ERROR)
            # no docs site: it would leave a folder in the system's temporary directory every night
            in_memory = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
            context = gx.get_context(
                mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=in_memory)
            )
            context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
            asset = context.data_sources.add_pandas("clean").add_dataframe_asset("table")
            self._batches = asset.add_batch_definition_whole_dataframe("batch")
            self._suites = _suites()
        return self._suites[name]

    def _run(self, frame: pd.DataFrame, expectations: list[Expectation]) -> list[RuleResult]:
        import great_expectations as gx

        batch = self._batches.get_batch(batch_parameters={"dataframe": frame})
        outcome = batch.validate(gx.ExpectationSuite(name="suite", expectations=expectations), result_format="BASIC")
        by_rule = {_rule_key(r.expectation_config.type, r.expectation_config.kwargs): r for r in outcome.results}
        return [_result(e, by_rule[_rule_key(e.expectation_type, e.configuration.kwargs)]) for e in expectations]


def _frames(connection: Connection, table: str, suite: Suite, columns: dict[str, str]) -> Iterator[pd.DataFrame]:
    """Yield the columns the row rules look at, decimals as doubles: pandas' Decimal objects are 30 times slower."""
    named = sorted({str(e.configuration.kwargs["column"]) for e in suite.rows})
    selected = ", ".join(f"{c}::double as {c}" if columns[c].startswith("DECIMAL") else c for c in named)
    for batch in connection.sql(f"select {selected} from {table}").to_arrow_reader(_BATCH_ROWS):
        yield batch.to_pandas()


def _unchecked(expectation: Expectation) -> RuleResult:
    """Return the result of a rule on an empty table, without Great Expectations, which would take a second per night."""
    return RuleResult(_in_words(expectation), _column_of(expectation), 0, 0, (), True)


def _rule_key(kind: str, arguments: dict[str, Any]) -> tuple[str, str, str]:
    return kind, str(arguments.get("column")), str(arguments.get("column_list") or arguments.get("column_set"))


def _result(expectation: Expectation, outcome: Any) -> RuleResult:
    # results hold numpy scalars, which neither JSON nor Dagster's metadata take
    result = outcome.result or {}
    if outcome.exception_info.get("raised_exception"):
        raise RuntimeError(f"{expectation.expectation_type}: {outcome.exception_info.get('exception_message')}")
    # texts may be names or customer numbers: only their count is shown
    values = [v for v in result.get("partial_unexpected_list") or [] if not isinstance(v, str)]
    examples = tuple(str(v) for v in values[:3])
    if "observed_value" in result and not outcome.success:
        examples = (f"observed {result['observed_value']}",)
    checked = int(result.get("element_count", 1))
    unexpected = int(result.get("unexpected_count", 0 if outcome.success else 1))
    rule, column = _in_words(expectation), _column_of(expectation)
    return RuleResult(rule, column, checked, unexpected, examples, bool(outcome.success))


def _column_of(expectation: Expectation) -> str:
    return str(expectation.configuration.kwargs.get("column", "table"))


def _in_words(expectation: Expectation) -> str:
    words = expectation.expectation_type.removeprefix("expect_column_").removeprefix("expect_").replace("_", " ")
    skipped = {"column", "batch_id", "mostly"}
    limits = {k: v for k, v in expectation.configuration.kwargs.items() if k not in skipped and v is not None}
    return words + (f" ({', '.join(f'{k} {v}' for k, v in limits.items())})" if limits else "")


def _merge(batches: list[list[RuleResult]]) -> list[RuleResult]:
    return [
        RuleResult(
            same_rule[0].rule,
            same_rule[0].column,
            sum(r.checked for r in same_rule),
            sum(r.unexpected for r in same_rule),
            tuple(e for r in same_rule for e in r.examples)[:3],
            all(r.passed for r in same_rule),
        )
        for same_rule in zip(*batches, strict=True)
    ]


def _suites() -> dict[str, Suite]:
    """Return the suite of each clean table, at least ten expectations each."""
    from great_expectations.expectations.core import (
        ExpectColumnValueLengthsToBeBetween as LengthBetween,
        ExpectColumnValuesToBeBetween as Between,
        ExpectColumnValuesToBeInSet as InSet,
        ExpectColumnValuesToMatchRegex as MatchRegex,
        ExpectColumnValuesToNotBeNull as NotNull,
        ExpectColumnValuesToNotMatchRegex as NotMatchRegex,
    )

    def key(column: str) -> list[Expectation]:
        return [
            NotNull(column=column),
            LengthBetween(column=column, min_value=1, max_value=500),
            NotMatchRegex(column=column, regex=r"^\s|\s$"),
        ]

    def never(*columns: str) -> list[Expectation]:
        return [Between(column=column, min_value=0, max_value=0) for column in columns]

    def flags(*columns: str) -> list[Expectation]:
        return [InSet(column=column, value_set=[True, False]) for column in columns]

    def counts(*columns: str) -> list[Expectation]:
        return [Between(column=column, min_value=0, max_value=_ONE_MILLIARD) for column in columns]

    def profile_query(unique_key: str, day: str, *more: str, having: str = "1") -> str:
        """Only rows that have the column `having` have the key."""
        columns = [
            "count(*) as row_count",
            f"count({having}) - count(distinct {unique_key}) filter (where {having} is not null) as repeated_keys",
            f"count(*) filter (where {day} < date '1900-01-01') as days_too_early",
            *more,
        ]
        return f"select {', '.join(columns)} from {{table}}"

    counted: list[Expectation] = [*counts("row_count"), *never("repeated_keys", "days_too_early")]
    unclear_time = "count(*) filter (where abs(date_diff('day', {at}::date, {day}::date)) > 1) as days_off_their_time"

    return {
        "orders": Suite(
            rows=[
                *key("order_id"),
                *key("customer_id")[1:],
                NotNull(column="ordered_at"),
                NotNull(column="order_date"),
                NotNull(column="amount"),
                Between(column="amount", min_value=-_ONE_MILLIARD, max_value=_ONE_MILLIARD),
                NotNull(column="source_amount"),
                MatchRegex(column="source_currency", regex=r"^[A-Z]{3}$"),
                *flags("is_return"),
            ],
            profile_query=profile_query(
                "(order_id, order_line_id, customer_id, order_date)",
                "order_date",
                "count(*) filter (where is_return <> (amount < 0) and amount <> 0) as returns_with_wrong_sign",
                "count(*) filter (where source_currency is null) as lines_without_currency",
                "count(*) filter (where amount > 0) as lines_with_revenue",
                "count(customer_id) as lines_with_customer",
                unclear_time.format(at="ordered_at", day="order_date"),
                having="order_line_id",
            ),
            profile=[
                *counted,
                *never("returns_with_wrong_sign", "lines_without_currency", "days_off_their_time"),
                Between(column="lines_with_revenue", min_value=1),
                Between(column="lines_with_customer", min_value=1),
            ],
            needs_rows=True,
        ),
        "customers": Suite(
            rows=[
                *key("customer_id"),
                *flags("has_crm_record", "has_profiling_consent"),
                NotNull(column="has_crm_record"),
                NotNull(column="has_profiling_consent"),
                Between(column="birth_year", min_value=1900, max_value=2100),
                Between(column="acquisition_cost", min_value=0, max_value=_ONE_MILLIARD),
                MatchRegex(column="email_hash", regex=r"^[0-9a-f]{64}$"),
                LengthBetween(column="country", min_value=1),
            ],
            profile_query=profile_query(
                "customer_id",
                "first_seen_date",
                "count(*) filter (where first_seen_date > created_date) as seen_after_they_were_created",
            ),
            profile=[*counted, *never("seen_after_they_were_created")],
        ),
        "web_sessions": Suite(
            rows=[
                *key("session_id"),
                *key("customer_id")[1:],
                NotNull(column="started_at"),
                NotNull(column="session_date"),
                *counts("page_views", "duration_seconds", "cart_additions"),
                *flags("is_converted"),
            ],
            profile_query=profile_query(
                "session_id", "session_date", unclear_time.format(at="started_at", day="session_date")
            ),
            profile=[*counted, *never("days_off_their_time")],
        ),
        "survey_responses": Suite(
            rows=[
                *key("response_id"),
                *key("customer_id"),
                NotNull(column="responded_at"),
                NotNull(column="response_date"),
                Between(column="nps_score", min_value=0, max_value=10),
                Between(column="csat_score", min_value=1, max_value=5),
            ],
            profile_query=profile_query(
                "response_id", "response_date", unclear_time.format(at="responded_at", day="response_date")
            ),
            profile=[*counted, *never("days_off_their_time")],
        ),
        "social_interactions": Suite(
            rows=[
                *key("interaction_id"),
                *key("customer_id")[1:],
                NotNull(column="occurred_at"),
                NotNull(column="interaction_date"),
                Between(column="sentiment", min_value=-1, max_value=1),
                LengthBetween(column="network", min_value=1),
                LengthBetween(column="kind", min_value=1),
            ],
            profile_query=profile_query(
                "interaction_id", "interaction_date", unclear_time.format(at="occurred_at", day="interaction_date")
            ),
            profile=[*counted, *never("days_off_their_time")],
        ),
        "marketing_spend": Suite(
            rows=[
                *key("channel"),
                NotNull(column="spend_date"),
                NotNull(column="spend"),
                # a cent of the channel's rounded sum may be taken off a row
                Between(column="spend", min_value=-0.01, max_value=_ONE_MILLIARD),
                *counts("source_amount"),
                MatchRegex(column="currency", regex=r"^[A-Z]{3}$"),
                MatchRegex(column="source_currency", regex=r"^[A-Z]{3}$"),
            ],
            # several rows of a channel and day are added: no column is a key
            profile_query=profile_query(
                "1",
                "spend_date",
                "count(*) filter (where currency is null) as days_without_currency",
                having="null",
            ),
            profile=[*counted, *never("days_without_currency")],
        ),
        "campaign_touches": Suite(
            rows=[
                *key("touch_id"),
                *key("customer_id"),
                NotNull(column="touched_at"),
                NotNull(column="touch_date"),
                *counts("cost"),
                *flags("is_responded"),
            ],
            profile_query=profile_query(
                "touch_id",
                "touch_date",
                unclear_time.format(at="touched_at", day="touch_date"),
                "count(*) filter (where response_date < touch_date or response_date is not null and not is_responded) "
                "as responses_off_their_touch",
            ),
            profile=[*counted, *never("days_off_their_time", "responses_off_their_touch")],
        ),
        "products": Suite(
            rows=[
                *key("product_id"),
                LengthBetween(column="name", min_value=1),
                LengthBetween(column="category", min_value=1),
                *counts("cost"),
                NotNull(column="currency"),
                MatchRegex(column="currency", regex=r"^[A-Z]{3}$"),
            ],
            profile_query=profile_query("product_id", "null"),
            profile=counted,
        ),
        "subscriptions": Suite(
            rows=[
                *key("subscription_id"),
                *key("customer_id"),
                NotNull(column="valid_from"),
                NotNull(column="amount"),
                *counts("amount"),
                NotNull(column="interval"),
                InSet(column="interval", value_set=["day", "week", "month", "quarter", "year"]),
                *flags("is_known_customer"),
                MatchRegex(column="source_currency", regex=r"^[A-Z]{3}$"),
            ],
            profile_query=profile_query(
                "(subscription_id, valid_from)",
                "valid_from",
                "count(*) filter (where valid_to < valid_from) as periods_that_end_before_they_begin",
            ),
            profile=[*counted, *never("periods_that_end_before_they_begin")],
        ),
        "subscription_payments": Suite(
            rows=[
                *key("payment_id"),
                *key("subscription_id"),
                *key("customer_id")[1:],
                NotNull(column="paid_at"),
                NotNull(column="payment_date"),
                NotNull(column="amount"),
                Between(column="amount", min_value=-_ONE_MILLIARD, max_value=_ONE_MILLIARD),
                MatchRegex(column="source_currency", regex=r"^[A-Z]{3}$"),
            ],
            profile_query=profile_query(
                "payment_id", "payment_date", unclear_time.format(at="paid_at", day="payment_date")
            ),
            profile=[*counted, *never("days_off_their_time")],
        ),
    }
