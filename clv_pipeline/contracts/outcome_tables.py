"""The warehouse tables that keep what was predicted in total, and how it came out.

The scores of customers are `scores.history`, in `warehouse.py`. What is the same for all of a night's customers is in
`scores.night_totals` only: five columns of it made writing 48 nights of 100,000 customers half as expensive again.
"""

from dataclasses import replace

from clv_pipeline.contracts.table import HORIZON, declare

_TOTAL = {
    "predicted_spend": ("decimal(18, 2)", "sum of the customers' predicted spend"),
    "predicted_spend_low": ("decimal(18, 2)", "lower end of the total's 90 % interval; null if unknown"),
    "predicted_spend_high": ("decimal(18, 2)", "upper end"),
    "season_factor": ("double", "seasonal factor of the year before in the total; null if unknown"),
    "carried_factor": ("double", "factor for the error of the last closed window; null without one, or with a season"),
}
TONIGHT_TOTALS = declare(
    "scores.tonight_totals", "horizon: tonight's predicted total", "scores/customer_scores", "scoring/horizon_totals.py",
    horizon_days=HORIZON,
    **_TOTAL,
    basis=("varchar", "what the horizon's predictions rest on: learned, extended, prior or rule"),
)  # fmt: skip
NIGHT_TOTALS = replace(declare(
    "scores.night_totals", "horizon of a published night: its predicted total", "published/bundle",
    ("publishing/history.py", "publishing/recovery.py", "publishing/publishing.py"),
    as_of_date=("date", "the night"),
    horizon_days=HORIZON,
    run_id=("varchar", "the run that published it"),
    model_version=("varchar", "the version that scored"),
    customers=("bigint", "customers scored"),
    **_TOTAL,
    basis=("varchar", "what the predictions rested on"),
    currency=("varchar", "the currency of the amounts, and of those of the night's customers"),
    scored_at=("timestamptz", "as_of_date 00:00 in the business time zone; null in rows of older releases"),
    segment_definition=("varchar", "hash over the SQL and settings of the segments; null in rows of older releases"),
), is_history=True)  # fmt: skip
JUDGED_WINDOWS = declare(
    "training.judged_windows", "horizon, past window of the last training, and customer", "training/model_quality",
    ("modeling/training/judged_windows.py", "publishing/publishing.py"),
    horizon_days=HORIZON,
    as_of_date=("date", "first day of the window, which no model had seen"),
    customer_id=("varchar", "the customer"),
    predicted_spend=("double", "expected spend by the champion"),
    purchase_probability=("double", "calibrated probability of a purchase"),
    predicted_spend_low=("double", "lower end of the customer's 90 % interval"),
    predicted_spend_high=("double", "upper end"),
    baseline_spend=("double", "the spend of as many days before again"),
    baseline_probability=("double", "probability of a purchase at the customer's rate so far"),
    score_status=("varchar", "the customer's history on that day"),
)  # fmt: skip
JUDGED_TOTALS = declare(
    "training.judged_totals", "horizon and past window of the last training", "training/model_quality",
    ("modeling/training/judged_windows.py", "publishing/publishing.py"),
    horizon_days=HORIZON,
    as_of_date=("date", "first day of the window"),
    **_TOTAL,
)  # fmt: skip
OUTCOMES = replace(declare(
    "scores.outcomes", "horizon, night and slice of its customers, whose window is over", "published/bundle",
    ("publishing/history.py", "publishing/recovery.py", "publishing/publishing.py"),
    as_of_date=("date", "the night that predicted"),
    horizon_days=HORIZON,
    is_backtest=("boolean", "false: only published predictions are kept"),
    slice_kind=("varchar", "what the customers are divided by"),
    row_kind=("varchar", "slice, or other: slices of fewer than five customers together"),
    slice_name=("varchar", "the slice"),
    position=("integer", "order of the slices of a kind"),
    window_end_date=("date", "first day after the window"),
    is_closed=("boolean", "true: the window is over"),
    outcome_as_of_date=("date", "the night that computed the row"),
    outcome_run_id=("varchar", "the run of that night"),
    customers=("bigint", "customers of the slice"),
    expected_share=("decimal(5, 4)", "1: the whole window"),
    expected_share_basis=("varchar", "closed"),
    predicted_spend=("decimal(18, 2)", "their predicted spend"),
    expected_spend=("decimal(18, 2)", "the same"),
    expected_spend_low=("decimal(18, 2)", "lower end of the 90 % interval of the slice's total; null if unknown"),
    expected_spend_high=("decimal(18, 2)", "upper end"),
    actual_spend=("decimal(18, 2)", "net spend in the window"),
    is_inside=("boolean", "whether it is inside the interval"),
    bias=("decimal(18, 4)", "expected over actual spend, minus 1"),
    share_inside=("decimal(5, 4)", "share of the customers whose spend is inside their own 90 % interval"),
    gini=("decimal(9, 4)", "normalised Gini of the order by predicted spend"),
    expected_buyers=("decimal(18, 2)", "sum of the purchase probabilities"),
    actual_buyers=("bigint", "customers who bought"),
    log_loss=("decimal(9, 4)", "mean negative log likelihood of the purchase probabilities"),
    baseline_spend=("decimal(18, 2)", "the spend of as many days before again"),
    baseline_bias=("decimal(18, 4)", "the baseline's bias"),
    baseline_gini=("decimal(9, 4)", "the baseline's normalised Gini"),
    baseline_log_loss=("decimal(9, 4)", "the baseline's log loss, at each customer's rate so far"),
    log_error=("decimal(9, 4)", "logarithm of actual over predicted spend of all customers"),
    log_error_season=("decimal(9, 4)", "the part of the season"),
    log_error_level=("decimal(9, 4)", "the part of the level"),
    log_error_mix=("decimal(9, 4)", "the part of the mix"),
    currency=("varchar", "the currency of the amounts"),
    model_version=("varchar", "the version that predicted"),
    run_id=("varchar", "the run that predicted"),
), is_history=True)  # fmt: skip
