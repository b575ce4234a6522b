"""Feature assets: the plan of the run, then each file of `sql/2_features`, and the buy-till-you-die quantities."""

import dagster as dg

from clv_pipeline.features.btyd_features import build_btyd_features
from clv_pipeline.features.build import build_feature_table
from clv_pipeline.features.plan import current_extraction, write_night_plan
from clv_pipeline.modeling.training.retraining import plan_night
from clv_pipeline.orchestration.resources import RETRAIN_TAG, Pipeline
from clv_pipeline.orchestration.sql_assets import OWNERS, Step, asset_key, sql_asset, sql_metadata, table_metadata
from clv_pipeline.orchestration.steps import asset
from clv_pipeline.privacy.consent import remove_refused
from clv_pipeline.warehouse.sql_models import SqlModel, load_layer


@asset(
    key=["features", "cutoffs"],
    deps=[asset_key(f"clean.{name}") for name in ("customers", "customer_attributes", "orders")]
    + [asset_key("quality.night")],
    group_name="features",
    kinds={"python", "duckdb"},
    owners=OWNERS,
)
def cutoffs(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per cutoff date of features: tonight's for scoring, and past ones when a training is due."""
    settings = pipeline.settings.model_copy(update={"force_training": RETRAIN_TAG in context.run.tags})
    with pipeline.warehouse.transaction() as connection:
        removed = remove_refused(connection)
        as_of = current_extraction(connection).as_of
        plan = plan_night(pipeline.registry, connection, settings, as_of)
        write_night_plan(connection, settings, as_of, plan)
        return dg.MaterializeResult(
            metadata={
                **table_metadata(connection, "features.cutoffs"),
                "training is due": plan.why or "no: no training is due",
                "learned horizon per horizon": {str(days): shorter for days, shorter in plan.training.learned.items()},
                "as_of": as_of.isoformat(),
                "rows removed because consent was withdrawn": removed,
            }
        )


def _build_features(context: dg.AssetExecutionContext, pipeline: Pipeline, model: SqlModel) -> Step:
    settings = pipeline.settings
    build_feature_table(pipeline.warehouse, model, settings.denied_features, settings.gross_margin)
    with pipeline.warehouse.connection() as connection:
        yield dg.MaterializeResult(metadata=sql_metadata(connection, model))


feature_tables = [sql_asset(model, _build_features, group="features") for model in load_layer("2_features")]


@asset(
    key=["features", "btyd_features"],
    deps=[asset_key(f"features.{name}") for name in ("customer_day", "purchase_features", "cutoffs")],
    group_name="features",
    kinds={"python", "duckdb"},
    owners=OWNERS,
)
def btyd_features(context: dg.AssetExecutionContext, pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per (as_of, customer_id) who has bought: buy-till-you-die expectations from data before as_of."""
    models = build_btyd_features(pipeline.warehouse, pipeline.settings)
    with pipeline.warehouse.connection() as connection:
        metadata = table_metadata(connection, "features.btyd_features")
    return dg.MaterializeResult(metadata={**metadata, "model of each cutoff": models})
