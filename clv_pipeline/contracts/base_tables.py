"""The warehouse tables behind the published tables of the customer base: uncertainty of spend, histograms, correlations."""

from clv_pipeline.contracts.table import FAMILY, IN_WORDS, declare

_WRITER = "publishing/feature_statistics.py"

SPEND_VARIANCE = declare(
    "scores.spend_variance", "eligible customer", "published/customer_clv", _WRITER,
    customer_id=("varchar", "the customer"),
    predicted_spend=("decimal(18, 2)", "expected net spend, primary horizon"),
    variance=("decimal(34, 4)", "variance of the net spend around it, for the intervals of groups of customers"),
    total_below=("double", "how far the total's lower end is below the total, as a share of the total; null if unknown"),
    total_above=("double", "how far the total's upper end is above the total, as a share of the total; null if unknown"),
)  # fmt: skip
FEATURE_BINS = declare(
    "scores.feature_bins", "feature and bin of its values over tonight's customers", "published/customer_clv", _WRITER,
    feature=("varchar", "the feature"),
    source_family=FAMILY,
    description=IN_WORDS,
    position=("integer", "position of the bin, from 1"),
    row_kind=("varchar", "number, zero, category, missing or other"),
    bin_low=("double", "lower end of a bin of numbers, included; null: no lower end"),
    bin_high=("double", "upper end of a bin of numbers, not included; null: no upper end"),
    category=("varchar", "the category; null for the other kinds of row"),
    customers=("bigint", "customers in the bin"),
    smallest=("double", "smallest value in a bin of numbers"),
    largest=("double", "largest value in a bin of numbers"),
)  # fmt: skip
FEATURE_CORRELATIONS = declare(
    "scores.feature_correlations", "pair of features, or feature and predicted spend", "published/customer_clv", _WRITER,
    feature=("varchar", "the first feature"),
    other_feature=("varchar", "the second feature; null for the predicted spend"),
    description=("varchar", "readable label of the first feature"),
    other_description=("varchar", "readable label of the second; null for the predicted spend"),
    customers=("bigint", "customers for whom both are known"),
    correlation=("double", "Spearman's rank correlation"),
    low=("double", "lower end of its 90 % interval"),
    high=("double", "upper end"),
)  # fmt: skip
