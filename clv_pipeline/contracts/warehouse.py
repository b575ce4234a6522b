"""The warehouse tables that Python writes: grain, columns, types, meaning and writer of each.

Others are in sibling modules: those that explain models (`model_tables.py`) and scores (`explanation_tables.py`), those of
the customer base (`base_tables.py`), forecasts (`forecast_tables.py`), next purchases (`next_purchase_tables.py`), totals
and outcomes (`outcome_tables.py`), counts by segment (`segment_tables.py`). Tables that a SQL file builds are declared by that
file, source tables by `contracts/source.py`, published ones by `published.py`. How rows get into a table is
`warehouse/tables.py`.
"""

from dataclasses import replace

from clv_pipeline.contracts.base_tables import (
    FEATURE_BINS as FEATURE_BINS,
    FEATURE_CORRELATIONS as FEATURE_CORRELATIONS,
    SPEND_VARIANCE as SPEND_VARIANCE,
)
from clv_pipeline.contracts.explanation_tables import (
    CUSTOMER_REASONS as CUSTOMER_REASONS,
    KNOWN_CAMPAIGN_TOUCHES as KNOWN_CAMPAIGN_TOUCHES,
    KNOWN_CUSTOMERS as KNOWN_CUSTOMERS,
    KNOWN_NIGHTS as KNOWN_NIGHTS,
    KNOWN_ORDERS as KNOWN_ORDERS,
    KNOWN_SOCIAL_INTERACTIONS as KNOWN_SOCIAL_INTERACTIONS,
    KNOWN_SURVEY_RESPONSES as KNOWN_SURVEY_RESPONSES,
    KNOWN_WEB_SESSIONS as KNOWN_WEB_SESSIONS,
    SCORE_CHANGES as SCORE_CHANGES,
    UNSCALED as UNSCALED,
)
from clv_pipeline.contracts.forecast_tables import (
    CHANNEL_GROUPS as CHANNEL_GROUPS,
    COHORT_FORECAST as COHORT_FORECAST,
    FORECAST_RECORD as FORECAST_RECORD,
    REVENUE_FORECAST as REVENUE_FORECAST,
)
from clv_pipeline.contracts.model_tables import (
    LINEAR_COEFFICIENTS as LINEAR_COEFFICIENTS,
    PARAMETER_SETS as PARAMETER_SETS,
    PARTIAL_DEPENDENCE as PARTIAL_DEPENDENCE,
    PERMUTATION_IMPORTANCE as PERMUTATION_IMPORTANCE,
    SOURCE_ABLATION as SOURCE_ABLATION,
)
from clv_pipeline.contracts.next_purchase_tables import (
    NEXT_PURCHASE_QUALITY as NEXT_PURCHASE_QUALITY,
    NEXT_PURCHASE_RANKER as NEXT_PURCHASE_RANKER,
    NEXT_PURCHASES as NEXT_PURCHASES,
)
from clv_pipeline.contracts.outcome_tables import (
    JUDGED_TOTALS as JUDGED_TOTALS,
    JUDGED_WINDOWS as JUDGED_WINDOWS,
    NIGHT_TOTALS as NIGHT_TOTALS,
    OUTCOMES as OUTCOMES,
    TONIGHT_TOTALS as TONIGHT_TOTALS,
)
from clv_pipeline.contracts.segment_tables import SEGMENT_COUNTS as SEGMENT_COUNTS
from clv_pipeline.contracts.table import (
    CANDIDATE as _CANDIDATE,
    FAMILY as _FAMILY,
    HIGH as _HIGH,
    HORIZON as _HORIZON,
    IN_WORDS as _IN_WORDS,
    LOW as _LOW,
    TARGET_OF_HORIZON as _TARGET_OF_HORIZON,
    Table,
    declare as _table,
)

_CLEAN = (
    "campaign_touches", "customers", "marketing_spend", "orders", "products", "social_interactions", "subscription_payments",
    "subscriptions", "survey_responses", "web_sessions",
)  # fmt: skip
_CUSTOMER = ("varchar", "the customer")
_TARGET = ("varchar", "spend: net spend in the window; purchase: 1 if there was a purchase")

LOADS = _table(
    "raw.loads", "source table, as of its last load", "raw/orders",
    ("sources/extraction.py", "sources/trial.py", "privacy/erasure.py"),
    table_name=("varchar", "the source table"),
    fingerprint=("varchar", "hash over SELECT, address and exclusions; if it changes, the whole table is loaded again"),
    high_water=("timestamptz", "newest change loaded; null if the table is read in full"),
    is_provided=("boolean", "whether the source has this table"),
    is_incremental=("boolean", "whether only changes since the high-water mark are read"),
    rows_delivered=("bigint", "rows the source returned tonight"),
    rows_loaded=("bigint", "of these, the rows that were not yet loaded"),
    rows_held=("bigint", "rows of the raw table after the load"),
    rows_erased=("bigint", "rows of the source that are not loaded because their customers are erased"),
    columns_returned=("varchar[]", "the contract columns that the source returns"),
    rows_at_source=("bigint", "rows of the whole table, counted by the source or from the text of its files; null: not counted"),
    money_at_source=("double", "its money, counted in the same way, in source currencies; null for a table without money"),
)  # fmt: skip
EXTRACTION = _table(
    "raw.extraction", "warehouse: the newest extraction", "raw/orders", "sources/extraction.py",
    as_of=("date", "the date of the run; only data before this day is used"),
    run_id=("varchar", "the Dagster run"),
    started_at=("timestamp", "when that run was created, UTC"),
    source_name=("varchar", "the company"),
    time_zone=("varchar", "the business time zone"),
    currency=("varchar", "the reporting currency"),
    data_fingerprint=("varchar", "hash over every raw row, independent of row order"),
)  # fmt: skip
SOURCE_COUNTS = _table(
    "raw.source_counts", "source table and day, as counted by the source itself, or from the text of its files", "raw/orders",
    ("sources/extraction.py", "sources/trial.py", "privacy/erasure.py"),
    table_name=("varchar", "the source table"),
    day=("varchar", "the first ten characters of the row's time as the source writes it; empty for a row without one"),
    rows_counted=("bigint", "its rows"),
    money=("double", "its money in source currencies; null for a table without money"),
    rows_erased=("bigint", "of these, the rows that are not loaded because their customers are erased"),
)  # fmt: skip
QUARANTINE = _table(
    "clean.quarantine", "source row that was not accepted", tuple(f"clean/{n}" for n in _CLEAN), "quality/cleaning.py",
    table_name=("varchar", "the source table"),
    disposition=("varchar", "quarantined, excluded or superseded"),
    reason_code=("varchar", "reason, as a code of `contracts/reasons.py`"),
    record=("varchar", "the row as JSON"),
)  # fmt: skip
DISPOSITIONS = _table(
    "clean.dispositions", "table, disposition and reason", tuple(f"clean/{n}" for n in _CLEAN), "quality/cleaning.py",
    table_name=("varchar", "the source table"),
    disposition=("varchar", "disposition of the rows"),
    reason_code=("varchar", "reason, as a code of `contracts/reasons.py`; empty for accepted rows"),
    reason=("varchar", "the reason as text; for an exclude rule, the company's own text"),
    row_count=("bigint", "number of rows"),
    source_money=("decimal(38, 6)", "sum of their amounts in source currency; null for tables without money"),
)  # fmt: skip
RAW_REMARKS = _table(
    "raw.remarks", "unusual finding about a source table, tonight", "raw/orders", "sources/extraction.py",
    table_name=("varchar", "the source table"),
    check_name=("varchar", "the check (`sources/keys.py`, `sources/loading.py`, `sources/extraction.py`)"),
    subject=("varchar", "what it is about: a table or a column"),
    remark=("varchar", "figure and next step"),
    is_known=("boolean", "whether the last published night had it; then it is no warning"),
)  # fmt: skip
REMARKS = _table(
    "clean.remarks", "unusual finding about a clean table", tuple(f"clean/{n}" for n in _CLEAN), "quality/cleaning.py",
    table_name=("varchar", "the source table"),
    check_name=("varchar", "the check (`quality/plausibility.py`, `quality/remarks.py`)"),
    subject=("varchar", "what it is about: a month, a currency; may be empty"),
    remark=("varchar", "figure, limit and next step"),
    is_known=("boolean", "whether the last published night had it; then it is no warning"),
    share_at_stake=("double", "share of the last year's money that is wrong if the finding is an error; null if unknown"),
)  # fmt: skip
NIGHT = _table(
    "quality.night", "measure and subject, for tonight",
    ("quality/night", "scores/customer_scores", "published/customer_clv"), "quality/night_measures.py",
    measure=("varchar", "name of the measure"),
    subject=("varchar", "the table, window, month or check it belongs to"),
    value=("double", "the value"),
)  # fmt: skip
GOOD_NIGHTS = replace(_table(
    "quality.good_nights", "measure of a published night: the baseline of later ones", "published/bundle",
    "quality/night_measures.py",
    source_name=("varchar", "the company"),
    as_of=("date", "the night"),
    run_id=("varchar", "the run that published it"),
    measure=("varchar", "name of the measure"),
    subject=("varchar", "the table, window, month or check it belongs to"),
    value=("double", "the value"),
), is_history=True)  # fmt: skip
UNSCORED_CUSTOMERS = _table(
    "quality.unscored_customers", "eligible customer without a score; empty unless the audit fails", "published/bundle",
    "publishing/audit.py",
    customer_id=_CUSTOMER,
)  # fmt: skip
CUTOFFS = _table(
    "features.cutoffs", "cutoff date of features", "features/cutoffs", "features/plan.py",
    as_of=("date", "features use only data before this day"),
    role=("varchar", "score: tonight; train: for fitting or evaluation; level: a year before, for the season"),
    customers_per_10000=("integer", "number of customers sampled into this date's population, of every 10,000"),
)  # fmt: skip
HORIZONS = _table(
    "features.horizons", "requested horizon", "features/cutoffs", "features/plan.py",
    horizon_days=("integer", "days predicted"),
    learned_days=("integer", "horizon its models are fitted on; shorter if the history is too short for the requested one"),
)  # fmt: skip
PLAN = _table(
    "training.plan", "warehouse: whether tonight trains", "features/cutoffs", "features/plan.py",
    is_due=("boolean", "whether tonight trains"),
    why=("varchar", "the reason for training; null without one"),
    reigning_version=("varchar", "the champion that competes again; null if there is none"),
)  # fmt: skip
PLAN_WINDOWS = _table(
    "training.plan_windows", "horizon, fold, use and cutoff of the training plan", "features/cutoffs", "features/plan.py",
    horizon_days=_HORIZON,
    fold=("integer", "0: the final fit; 1: the test window; 2 and on: the tuning folds, newest first"),
    use=("varchar", "train: used for fitting; judge: used for evaluation"),
    cutoff=("date", "first day of the window"),
)  # fmt: skip
BTYD_FEATURES = _table(
    "features.btyd_features", "(as_of, customer_id) who has bought", "features/btyd_features", "features/btyd_features.py",
    as_of=("date", "the cutoff"),
    customer_id=_CUSTOMER,
    btyd_probability_alive=("double", "probability that the customer is still active"),
    btyd_purchase_value=("double", "expected value of a purchase day: the customer's own mean, shrunk towards the overall mean"),
    btyd_purchases_HORIZON=("double", "expected purchase days in {h} days"),
    btyd_spend_HORIZON=("double", "expected spend in {h} days"),
    btyd_purchase_probability_HORIZON=("double", "probability of a purchase in {h} days"),
    lifetime_purchases=("double", "expected purchase days over the lifetime set in the settings; null at past cutoffs"),
    lifetime_discount=("double", "mean discount factor of these purchases; null at past cutoffs"),
    expected_next_order_date=("date", "median date of the next order if the customer is still active; null at past cutoffs"),
)  # fmt: skip
PURCHASE_MODELS = _table(
    "features.purchase_models", "cutoff", "features/btyd_features", "features/btyd_features.py",
    as_of=("date", "the cutoff"),
    models=("varchar", "the models whose mean the quantities are"),
    regularity=("integer", "k of the waiting times between purchases: 1 at random, 8 and more by a plan"),
    parameters=("varchar", "their parameters, per day, as JSON"),
    customers=("bigint", "customers they were fitted to"),
    repeat_customers=("bigint", "number of them who had bought again"),
)  # fmt: skip
TUNING = _table(
    "training.tuning", "horizon, target and candidate", "training/tuning", "modeling/training/records.py",
    horizon_days=_HORIZON,
    target=_TARGET,
    candidate=_CANDIDATE,
    recipe=("varchar", "its name in the list of candidates"),
    is_baseline=("boolean", "whether it is a fixed rule that is fitted to at most a mean"),
    parameters=("varchar", "the parameter set that scored best, as JSON"),
    fold_score=("double", "mean score over the tuning folds; higher is better; null without folds"),
    mean_absolute_bias=("double", "mean absolute error of its total over the folds, relative"),
    beats_chance=("boolean", "whether its order of the fold customers is better than chance; null without folds"),
    tried=("integer", "parameter sets tried"),
    is_challenger=("boolean", "whether it challenges the champion on the test window"),
    is_reigning=("boolean", "whether it is the recipe of the reigning champion"),
)  # fmt: skip
PREDICTIONS = _table(
    "training.predictions", "horizon, target, candidate, window and customer", ("training/tuning", "training/model_quality"),
    "modeling/training/records.py",
    horizon_days=_HORIZON,
    target=_TARGET,
    candidate=_CANDIDATE,
    role=("varchar", "fold or test: the kind of window, which the candidate had not seen"),
    as_of=("date", "first day of the window"),
    customer_id=_CUSTOMER,
    actual=("double", "the actual outcome"),
    predicted=("double", "the prediction of the candidate"),
)  # fmt: skip
CHAMPIONS = _table(
    "training.champions", "horizon and target", "training/model_quality", "modeling/training/records.py",
    horizon_days=_HORIZON,
    target=_TARGET,
    candidate=("varchar", "the candidate that won"),
    reason=("varchar", "the reason, with its figures"),
    ranking=("varchar", "rankable; not rankable (on the folds no model's order of the customers beats chance); not tested"),
)  # fmt: skip
TEST_PREDICTIONS = _table(
    "training.test_predictions", "horizon and customer of the test window", "training/model_quality",
    "modeling/training/records.py",
    horizon_days=_HORIZON,
    as_of=("date", "first day of the test window"),
    customer_id=_CUSTOMER,
    actual_spend=("double", "net spend in the window"),
    actual_purchase=("double", "1 where there was a purchase"),
    predicted_spend=("double", "expected spend by the champion"),
    purchase_probability=("double", "calibrated probability of a purchase"),
    typical_spend=("double", "median of the predicted spend"),
    low=("double", "lower end of the customer's 90 % interval"),
    high=("double", "upper end"),
    if_buying_low=("double", "lower end of the 90 % interval of the spend if the customer buys"),
    if_buying_high=("double", "upper end"),
)  # fmt: skip
MODEL_QUALITY = _table(
    "training.model_quality", "horizon, target, candidate and metric", "training/model_quality", "modeling/training/records.py",
    row_kind=("varchar", "model: a candidate's own predictions; published: the champions' calibrated predictions; level: the "
              "expected totals; verdict: what that means, in words"),
    horizon_days=_HORIZON,
    target=_TARGET_OF_HORIZON,
    candidate=_CANDIDATE,
    is_baseline=("boolean", "whether it is a fixed rule"),
    is_champion=("boolean", "whether it won"),
    test_window_start=("date", "first day of the test window"),
    customers=("integer", "customers in the test window"),
    metric=("varchar", "name of the metric"),
    value=("double", "the value; nan where undefined"),
    low=_LOW,
    high=_HIGH,
    statement=("varchar", "the verdict in words; null for the other kinds"),
)  # fmt: skip
FAIRNESS_AUDIT = _table(
    "training.fairness_audit", "horizon, attribute, group and metric", "training/fairness_audit", "interpretation/fairness.py",
    horizon_days=_HORIZON,
    attribute=("varchar", "the attribute that defines the groups"),
    group_name=("varchar", "the group"),
    metric=("varchar", "name of the metric"),
    customers=("integer", "customers of the group in the test window"),
    value=("double", "the value; nan where undefined"),
    low=_LOW,
    high=_HIGH,
    test_window_start=("date", "first day of the test window"),
)  # fmt: skip
TRAINED_VERSION = _table(
    "training.trained_version", "warehouse: the version measured by the tables of this layer", "training/champion",
    "modeling/training/records.py",
    model_version=("varchar", "the version; no row while a training is under way or was cut short"),
)  # fmt: skip
CUSTOMER_SCORES = _table(
    "scores.customer_scores", "eligible customer", "scores/customer_scores", "scoring/scoring.py",
    as_of=("date", "the night"),
    customer_id=_CUSTOMER,
    predicted_spend_HORIZON=("decimal(18, 2)", "expected net spend in {h} days"),
    typical_spend_HORIZON=("decimal(18, 2)", "median predicted spend"),
    predicted_spend_low_HORIZON=("decimal(18, 2)", "lower end of the 90 % interval, at most the expected spend"),
    predicted_spend_high_HORIZON=("decimal(18, 2)", "upper end, at least the expected spend"),
    spend_if_buying_low_HORIZON=("decimal(18, 2)", "lower end of the 90 % interval if the customer buys"),
    spend_if_buying_typical_HORIZON=("decimal(18, 2)", "median spend if the customer buys"),
    spend_if_buying_high_HORIZON=("decimal(18, 2)", "upper end of that interval"),
    purchase_probability_HORIZON=("decimal(5, 4)", "probability of a purchase in {h} days"),
    basis_HORIZON=("varchar", "what the horizon's prediction rests on: learned, extended, prior or rule"),
    predicted_orders_HORIZON=("decimal(18, 4)", "expected purchase days in {h} days; null without a purchase model"),
    score_status=("varchar", "the customer's history: no_purchase_yet, new_customer, single_purchase, repeat_customer"),
    model_version=("varchar", "the version that scored"),
    lifetime_discount=("double", "mean discount factor of the purchases over the lifetime; null without a purchase model"),
    primary_spend=("decimal(18, 2)", "predicted_spend of the primary horizon"),
    primary_probability=("decimal(5, 4)", "purchase_probability of the primary horizon"),
    primary_if_buying=("decimal(18, 2)", "spend_if_buying_typical of the primary horizon"),
    expected_order_value=("decimal(18, 2)", "primary_spend per expected purchase day; null without a purchase model"),
    lifetime_spend=("decimal(18, 2)", "expected net spend over the lifetime; null without a purchase model"),
)  # fmt: skip
FEATURE_IMPORTANCE = _table(
    "scores.feature_importance", "feature", "scores/customer_scores", "scoring/reasons.py",
    horizon_days=_HORIZON,
    feature=("varchar", "the feature"),
    source_family=_FAMILY,
    description=_IN_WORDS,
    mean_contribution=("double", "mean absolute amount it adds to or subtracts from a prediction"),
)  # fmt: skip
RUN = _table(
    "scores.run", "warehouse: the identity of tonight's scores", "scores/customer_scores", "scoring/scoring.py",
    run_id=("varchar", "name of the run, derived from all inputs that can change its results"),
    contract_version=("varchar", "version of the published contract"),
    source_name=("varchar", "the company"),
    as_of=("date", "the night"),
    scored_at=("timestamptz", "as_of 00:00 in the business time zone"),
    currency=("varchar", "the reporting currency"),
    time_zone=("varchar", "the business time zone"),
    primary_horizon_days=("integer", "the horizon used for ranking, segments and reasons"),
    model_version=("varchar", "the version that scored"),
    trailing_spend_total=("decimal(18, 2)", "net sales in as many days before as_of"),
    predicted_total_low=("decimal(18, 2)", "lower end of the total's 90 % interval"),
    predicted_total_high=("decimal(18, 2)", "upper end"),
    season_factor=("decimal(6, 4)", "seasonal factor of last year applied to the total; null if unknown"),
    carried_factor=("decimal(6, 4)", "factor for the error of the last closed window; null without one, or with a season"),
    basis=("varchar", "what the primary horizon's predictions rest on: learned, extended, prior or rule"),
    ranking=("varchar", "whether customers can be ranked, on the primary horizon: rankable, not rankable or not tested"),
    spend_per_expectation=("double", "expected total over the purchase models' sum; null: predictions were not scaled"),
    expectation_weight=("double", "weight of the purchase models' expectation in each customer's spend"),
    average_spend=("decimal(18, 2)", "mean predicted spend of the customers who have bought, primary horizon"),
    reasons_fidelity=("decimal(5, 4)", "R2 of the reasons' surrogate; null where nobody has bought"),
    data_fingerprint=("varchar", "hash over every raw row"),
)  # fmt: skip
_HISTORY = {
    "as_of_date": ("date", "the night"),
    "customer_id": _CUSTOMER,
    "horizon_days": _HORIZON,
    "predicted_spend": ("decimal(18, 2)", "expected net spend in the horizon"),
    "purchase_probability": ("decimal(5, 4)", "probability of a purchase in the horizon"),
    "predicted_spend_low": ("decimal(18, 2)", "lower end of its 90 % interval; null in rows of older releases"),
    "predicted_spend_high": ("decimal(18, 2)", "upper end; null in rows of older releases"),
    "baseline_spend": ("decimal(18, 2)", "net spend of as many days before the night; null in rows of older releases"),
    "baseline_probability": ("decimal(5, 4)", "of a purchase, at the rate so far; null in rows of older releases"),
    "segment": ("varchar", "the segment of that night"),
    "value_tier": ("varchar", "the value tier of that night"),
    "score_status": ("varchar", "the customer's history on that night"),
    "historic_value": ("decimal(18, 2)", "net spend before that night"),
    "updated_at": ("timestamptz", "scored_at of the run in which the row last changed"),
}
HISTORY = replace(_table(
    "scores.history", "customer and horizon of a published night that is kept (`scoring/kept_nights.py`)", "published/bundle",
    ("publishing/publishing.py", "publishing/history.py", "publishing/recovery.py"), **_HISTORY,
), is_history=True)  # fmt: skip
KEPT_NIGHTS = _table(
    "scores.kept_nights", "night that the history keeps once tonight is published", "published/customer_clv",
    "publishing/history.py",
    as_of_date=("date", "the night"),
)  # fmt: skip
TONIGHT = _table(
    "scores.tonight", "customer and horizon of tonight: joins the history once the night is published",
    "published/customer_clv", "publishing/history.py", **_HISTORY,
)  # fmt: skip
COLUMN_DICTIONARY = _table(
    "published.column_dictionary", "column of a published table", "published/column_dictionary", "publishing/publishing.py",
    table_name=("varchar", "the published table"),
    column_name=("varchar", "its column"),
    position=("integer", "position in the table, from 1"),
    data_type=("varchar", "SQL type"),
    description=("varchar", "meaning of the column"),
)  # fmt: skip
COLUMN_LINEAGE = _table(
    "published.column_lineage", "step from a column back to one it is derived from", "published/column_lineage",
    "publishing/lineage.py",
    table_name=("varchar", "the table or model version that has the column"),
    column_name=("varchar", "the column, or the target of a model version"),
    from_table=("varchar", "the table, model version or source table it is derived from"),
    from_column=("varchar", "the column in from_table"),
    step=("varchar", "the SQL file, Python module or recipe that derives it"),
)  # fmt: skip

#: Every table by its name, `layer.name`.
TABLES: dict[str, Table] = {table.name: table for table in list(globals().values()) if isinstance(table, Table)}
