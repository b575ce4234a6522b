"""Column lineage: from each published column back through SQL, the model version and Python to the source.

SQL is parsed (`warehouse/sql_models.py`); the steps in Python are declared here. Printing is in `reporting/lineage.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import pandas as pd
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage

from clv_pipeline.contracts.published import PUBLISHED
from clv_pipeline.contracts.source import CONTRACT
from clv_pipeline.contracts.warehouse import COLUMN_LINEAGE, SCORE_CHANGES
from clv_pipeline.core.settings import Settings
from clv_pipeline.features.attributes import PREFIX, attribute_features
from clv_pipeline.features.drivers import is_behaviour
from clv_pipeline.features.families import KEYS
from clv_pipeline.modeling.registry.registry import HorizonModel, Manifest
from clv_pipeline.score_changes.known import SOURCES
from clv_pipeline.sources.folder import SourceSelect, read_selects
from clv_pipeline.warehouse import tables
from clv_pipeline.warehouse.connection import Connection
from clv_pipeline.warehouse.sql_models import lineage_among, load_layer

#: (table, column) of the result, (table, column) that it comes from, and the step that derives it.
Edge = tuple[str, str, str, str, str]
_LAYERS = ("1_clean", "2_features", "3_training", "4_published")
_SCORES, _BTYD, _FEATURES = "scores.customer_scores", "features.btyd_features", "features.customer_features"
_CRM = "features.crm_features"
_REASONS, _CHANGES = "scores.customer_reasons", "scores.score_changes"
_FORECASTING = "clv_pipeline/forecasts"
_NEXT, _NEXT_QUALITY = "scores.next_purchases", "scores.next_purchase_quality"
_NEXT_STEP = "clv_pipeline/next_purchases"
_SCORING, _PURCHASE_MODEL = "clv_pipeline/scoring", "clv_pipeline/features/btyd_features.py"
_STATISTICS = "clv_pipeline/publishing/feature_statistics.py"
#: The input columns of a buy-till-you-die model.
_PURCHASE_HISTORY = (
    ("features.purchase_features", "purchase_days"),
    ("features.purchase_features", "tenure_days"),
    ("features.purchase_features", "recency_days"),
    ("features.purchase_features", "spend_total"),
    ("features.customer_day", "gap_days"),
)
#: What the tables of forecasts are computed from; every column of one from the same.
_SPENT = (("features.customer_day", "net_spend"), ("features.customer_day", "order_date"))
_PREDICTED = ((_SCORES, "primary_spend"), ("features.purchase_models", "parameters"))
_FORECAST_SOURCES = {
    "scores.cohort_forecast": (*_SPENT, *_PREDICTED),
    "scores.revenue_forecast": (*_SPENT, *_PREDICTED),
    "scores.forecast_record": _SPENT,
    "scores.channel_groups": (
        *_SPENT, (_SCORES, "primary_spend"), (_SCORES, "lifetime_spend"), ("clean.customers", "acquisition_channel"),
        ("clean.customers", "acquisition_cost"), ("clean.marketing_spend", "spend"), ("features.customer_day_money", "cost"),
        ("features.customer_margins", "margin_rate"), ("features.company_margin", "margin_rate"),
    ),
}  # fmt: skip


def build_lineage(connection: Connection, settings: Settings, manifest: Manifest | None) -> None:
    """Replace `published.column_lineage`: one row per step on the way back from a published column.

    manifest: of the version that scored; None if no model scored, and then its steps are left out.
    """
    columns, attributes = _columns(connection), [a.attribute for a in attribute_features(connection)]
    edges = [
        *_of_sql(columns),
        *_of_python(columns),
        *_of_statistics(columns),
        *_of_source(read_selects(settings), attributes),
    ]
    if manifest:
        edges += _of_scores(manifest)
    steps = sorted(set(_reachable(edges)))
    # a frame, because inserting a thousand rows one by one takes half a second
    tables.replace(connection, COLUMN_LINEAGE, pd.DataFrame(steps, columns=[c.name for c in COLUMN_LINEAGE.columns]))


def columns_of_scores(manifest: Manifest) -> dict[str, set[tuple[str, str]]]:
    """Return column of `scores.customer_scores` -> its (table, column) sources, including those of its models.

    >>> from datetime import date
    >>> from clv_pipeline.modeling.calibration.intervals import calibrate
    >>> from clv_pipeline.modeling.calibration.total_record import TotalRecord
    >>> from clv_pipeline.modeling.data.prospects import Prospects
    >>> from clv_pipeline.modeling.registry.registry import Recipe
    >>> blend, calibration = Recipe("blend", {}, is_baseline=False), calibrate([], TotalRecord(), TotalRecord())
    >>> horizon = HorizonModel(90, 90, blend, blend, True, calibration, Prospects())
    >>> manifest = Manifest("v1", date(2024, 6, 1), "", "", {}, ["orders"], [], [horizon], {}, {}, {})
    >>> sorted(columns_of_scores(manifest)["typical_spend_90d"])
    [('features.customer_features', 'orders'), ('training.labels', 'has_purchase'), ('training.labels', 'spend_total')]
    """
    by_result: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for table, column, from_table, from_column, _ in _of_scores(manifest):
        by_result[table, column].add((from_table, from_column))
    return {
        column: {
            real for source in sources for real in (by_result[source] if source[0].startswith("model ") else {source})
        }
        for (table, column), sources in by_result.items()
        if table == _SCORES
    }


def _columns(connection: Connection) -> dict[str, dict[str, str]]:
    """Return table -> column -> SQL type of the whole warehouse: one query instead of a hundred, one per table."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() order by table_oid, column_index"
    ).fetchall()
    for table, column, sql_type in rows:
        found[table][column] = sql_type
    return found


def _of_sql(columns: Mapping[str, Mapping[str, str]]) -> Iterator[Edge]:
    for layer in _LAYERS:
        for model in load_layer(layer):
            if {model.table, *model.inputs} <= columns.keys():
                step = f"sql/{layer}/{model.name}.sql"
                for column, sources in lineage_among(model, columns).items():
                    if column in columns[model.table]:
                        yield from ((model.table, column, *source, step) for source in sources)


def _of_python(columns: Mapping[str, Mapping[str, str]]) -> Iterator[Edge]:
    """Yield the steps of the tables that Python computes on the way from the source to the features."""
    planned = (
        ("features.cutoffs", "as_of"),
        ("features.horizons", "horizon_days"),
        ("features.horizons", "learned_days"),
    )
    for source in (("raw.extraction", "as_of"), ("clean.orders", "order_date")):
        yield from ((*plan, *source, "clv_pipeline/features/plan.py") for plan in planned)
    for table, origins in _FORECAST_SOURCES.items():
        for column in columns.get(table, ()):
            yield from ((table, column, *source, _FORECASTING) for source in origins)
    yield from _of_next_purchases()
    for column in columns.get(_CRM, ()):
        if column.startswith(PREFIX):
            # the raw table has all attributes in one column: a step names the one
            source = ("raw.customers", f"attribute_{column.removeprefix(PREFIX)}")
            yield (_CRM, column, *source, "clv_pipeline/features/attributes.py")
    for column in columns.get(_BTYD, ()):
        sources = [("features.population", column)] if column in ("as_of", "customer_id") else _PURCHASE_HISTORY
        yield from ((_BTYD, column, *source, _PURCHASE_MODEL) for source in sources)


def _of_statistics(columns: Mapping[str, Mapping[str, str]]) -> Iterator[Edge]:
    """Yield the steps of the statistics over tonight's scores and features."""
    made_of = {
        "predicted_spend": ((_SCORES, "primary_spend"),),
        "variance": tuple((_SCORES, f"primary_{name}") for name in ("spend", "probability", "if_buying")),
        "total_below": ((_SCORES, "primary_spend"), ("scores.run", "predicted_total_low")),
        "total_above": ((_SCORES, "primary_spend"), ("scores.run", "predicted_total_high")),
        "customer_id": ((_SCORES, "customer_id"),),
    }
    for name, sources in made_of.items():
        yield from (("scores.spend_variance", name, *source, _STATISTICS) for source in sources)
    for feature in (name for name in columns.get(_FEATURES, ()) if name not in KEYS):
        yield ("scores.feature_bins", "customers", _FEATURES, feature, _STATISTICS)
        yield ("scores.feature_correlations", "correlation", _FEATURES, feature, _STATISTICS)
    yield ("scores.feature_correlations", "correlation", _SCORES, "primary_spend", _STATISTICS)


def _of_next_purchases() -> Iterator[Edge]:
    """Yield the steps of the lists of next purchases: from the order lines, and the customer's purchase probability."""
    sold = ("customer_id", "order_date", "order_id", "product_id", "product_category", "amount")
    prices = ("product_id", "product_category", "amount", "quantity", "order_date")
    ranked = ("rank", "item", "because")
    made_of = {
        "customer_id": ("customer_id",),
        "item_level": ("product_id", "product_category"),
        "popularity_probability": sold,
        **dict.fromkeys(ranked, sold),
        **dict.fromkeys(("usual_price", "compared_price", "step"), prices),
    }
    probabilities = [f"{name}{end}" for name in ("probability", "expected_spend") for end in ("", "_low", "_high")]
    made_of |= dict.fromkeys(probabilities, sold)
    for column, sources in made_of.items():
        yield from ((_NEXT, column, "clean.orders", source, _NEXT_STEP) for source in sources)
    for column in probabilities:
        yield (_NEXT, column, _SCORES, "primary_probability", _NEXT_STEP)
    for table in (_NEXT, _NEXT_QUALITY):
        yield (table, "method", _NEXT_QUALITY, "value", _NEXT_STEP)
    for column in ("value", "low", "high", "customers", "statement"):
        yield from ((_NEXT_QUALITY, column, "clean.orders", source, _NEXT_STEP) for source in sold)


def _of_scores(manifest: Manifest) -> Iterator[Edge]:
    for horizon in manifest.horizons:
        yield from _of_horizon(manifest, horizon)
    version, primary = f"model {manifest.version}", manifest.horizons[0]
    spend = (version, f"spend_{primary.learned_days}d")
    for column in ("rank", "driver", "effect", "fact"):
        yield (_REASONS, column, *spend, f"{_SCORING}/reasons.py")
        behaviour = filter(is_behaviour, manifest.columns.names)
        yield from ((_REASONS, column, _FEATURES, feature, f"{_SCORING}/reasons.py") for feature in behaviour)
    yield (_REASONS, "customer_id", "features.population", "customer_id", f"{_SCORING}/reasons.py")
    for column, source in (("primary_spend", "predicted_spend"), ("primary_probability", "purchase_probability")):
        yield (_SCORES, column, _SCORES, f"{source}_{primary.horizon_days}d", _SCORING)
    yield (_SCORES, "primary_if_buying", _SCORES, f"spend_if_buying_typical_{primary.horizon_days}d", _SCORING)
    longest = manifest.horizons[-1].horizon_days
    yield (_SCORES, "lifetime_spend", _SCORES, f"predicted_spend_{longest}d", _SCORING)
    for column in ("lifetime_purchases", f"btyd_purchases_{longest}d"):
        yield (_SCORES, "lifetime_spend", _BTYD, column, _SCORING)
    yield from _of_score_changes(spend)
    for source in ("primary_spend", f"predicted_orders_{primary.horizon_days}d"):
        yield (_SCORES, "expected_order_value", _SCORES, source, _SCORING)
    yield (_SCORES, "lifetime_discount", _BTYD, "lifetime_discount", _SCORING)
    for column in ("purchase_days", "tenure_days"):
        yield (_SCORES, "score_status", "features.purchase_features", column, _SCORING)
    for column in ("as_of", "customer_id"):
        yield (_SCORES, column, "features.population", column, _SCORING)


def _of_score_changes(spend: tuple[str, str]) -> Iterator[Edge]:
    """Yield the steps to the parts of a change: the model, the scores of both nights, and the rows that are new to it."""
    step = "clv_pipeline/score_changes"
    for column in (c for c in SCORE_CHANGES.column_names() if c not in ("customer_id", "previous_date")):
        yield (_CHANGES, column, *spend, step)
        yield (_CHANGES, column, _SCORES, "primary_spend", step)
        yield (_CHANGES, column, "scores.history", "predicted_spend", step)
    for source in SOURCES:
        for cause in source.events:
            yield from ((_CHANGES, cause, f"clean.{source.name}", column, step) for column in source.columns)
        yield from ((_CHANGES, "corrections", f"clean.{source.name}", column, step) for column in source.columns)
    yield (_CHANGES, "customer_id", "features.population", "customer_id", step)
    yield (_CHANGES, "previous_date", "scores.history", "as_of_date", step)


def _of_horizon(manifest: Manifest, horizon: HorizonModel) -> Iterator[Edge]:
    version, days, learned = f"model {manifest.version}", horizon.horizon_days, horizon.learned_days
    spend, purchase = (version, f"spend_{learned}d"), (version, f"purchase_{learned}d")
    made_of = {
        "predicted_spend": (spend, (_BTYD, f"btyd_spend_{days}d")),
        "typical_spend": (spend, purchase),
        "predicted_spend_low": (spend, purchase),
        "predicted_spend_high": (spend, purchase),
        "spend_if_buying_low": (spend, purchase),
        "spend_if_buying_typical": (spend, purchase),
        "spend_if_buying_high": (spend, purchase),
        "basis": (spend,),
        "purchase_probability": (purchase, (_BTYD, f"btyd_purchase_probability_{days}d")),
    }
    made_of["predicted_orders"] = (
        (_SCORES, f"purchase_probability_{days}d"),
        (_BTYD, f"btyd_purchases_{days}d"),
        (_BTYD, f"btyd_purchase_probability_{days}d"),
    )
    for name, sources in made_of.items():
        yield from ((_SCORES, f"{name}_{days}d", *source, _SCORING) for source in sources)
    for (_, node), recipe, label in (
        (spend, horizon.spend, "spend_total"),
        (purchase, horizon.purchase, "has_purchase"),
    ):
        step = f"fitted as of {manifest.as_of}: {recipe.candidate}"
        yield from ((version, node, _FEATURES, feature, step) for feature in manifest.columns.names)
        yield (version, node, "training.labels", label, step)


def _of_source(selects: dict[str, SourceSelect], attributes: list[str]) -> Iterator[Edge]:
    """Yield the source columns of the raw tables, as far as a parser can find them without the source's schema.

    attributes: the company's own ones of customers, that are features.
    """
    for name, select in selects.items():
        file = f"{select.path.parent.name}/{select.path.name}"
        named = _source_columns(select.for_duckdb())
        for column in [*CONTRACT[name].column_names(), *(attributes if name == "customers" else ())]:
            for table, source in named.get(column) or [(file, column)]:
                yield (f"raw.{name}", column, f"source {table}", source, file)


@cache
def _source_columns(sql: str) -> dict[str, set[tuple[str, str]]]:
    """Return output column -> the (table, column) pairs of the source; nothing where the SELECT is ambiguous."""
    try:
        nodes = lineage(None, sql, {}, dialect="duckdb", trim_selects=False)
    except SqlglotError:
        return {}
    return {column: {source for step in node.walk() for source in _sources_of(step)} for column, node in nodes.items()}


def _sources_of(step: Node) -> Iterator[tuple[str, str]]:
    """Yield the table's column that a step is; in a SELECT from one table, also the columns that the parser leaves open."""
    if isinstance(step.expression, exp.Table):
        yield step.expression.name, step.name.split(".")[-1].strip('"')
    tables = list(step.source.find_all(exp.Table))
    if len(tables) == 1:
        yield from ((tables[0].name, c.name) for c in step.downstream if isinstance(c.expression, exp.Placeholder))


def _reachable(edges: Iterable[Edge]) -> Iterator[Edge]:
    """Yield the edges on the way back from a published column."""
    by_result = defaultdict(list)
    for edge in edges:
        by_result[edge[:2]].append(edge)
    ahead = [node for node in by_result if node[0].partition(".")[2] in PUBLISHED and node[0].startswith("published.")]
    seen = set(ahead)
    while ahead:
        for edge in by_result.get(ahead.pop(), []):
            yield edge
            if edge[2:4] not in seen:
                seen.add(edge[2:4])
                ahead.append(edge[2:4])
