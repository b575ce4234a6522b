"""The assets of the nightly job, one file per stage; each body is one call to another package, plus metadata of the result."""

from clv_pipeline.orchestration.assets.clean import clean_tables
from clv_pipeline.orchestration.assets.features import btyd_features, cutoffs, feature_tables
from clv_pipeline.orchestration.assets.published import customer_clv, published_database, published_tables
from clv_pipeline.orchestration.assets.quality import night
from clv_pipeline.orchestration.assets.raw import raw_tables
from clv_pipeline.orchestration.assets.scores import (
    channel_groups,
    customer_scores,
    next_purchases,
    revenue_forecast,
    score_changes,
)
from clv_pipeline.orchestration.assets.training import (
    champion,
    fairness_audit,
    next_purchase_ranker,
    training_assets,
    training_tables,
)

ALL_ASSETS = [
    raw_tables, *clean_tables, night, cutoffs, *feature_tables, btyd_features, *training_tables, *training_assets,
    fairness_audit, next_purchase_ranker, champion, customer_scores, score_changes, revenue_forecast, channel_groups,
    next_purchases, customer_clv, published_tables, published_database,
]  # fmt: skip
