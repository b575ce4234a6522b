"""The warehouse tables that explain models: parameter sets, coefficients, importance, dependence, ablation.

What a training decides and how accurate it is stays in `warehouse.py`.
"""

from clv_pipeline.contracts.table import CANDIDATE, FAMILY, HIGH, HORIZON, IN_WORDS, LOW, TARGET_OF_HORIZON, declare

PARAMETER_SETS = declare(
    "training.parameter_sets", "horizon, target, candidate and parameter set that was tried", "training/tuning",
    "modeling/training/records.py",
    horizon_days=HORIZON,
    target=TARGET_OF_HORIZON,
    candidate=CANDIDATE,
    parameter_set=("integer", "its number in the order of the search, from 1"),
    parameters=("varchar", "the parameters as JSON; a blend has its members with their weights"),
    is_chosen=("boolean", "whether its fold_score is the best of the candidate"),
    fold_score=("double", "mean over the tuning folds of the score that chooses; null without folds"),
    r_squared=("double", "mean R2 of the spend over the folds; null for the purchase probability"),
    roc_auc=("double", "mean ROC-AUC of the purchase probability over the folds; null for the spend"),
)  # fmt: skip
LINEAR_COEFFICIENTS = declare(
    "training.linear_coefficients", "horizon, target, linear candidate and input of the model", "training/model_quality",
    "modeling/training/linear_coefficients.py",
    horizon_days=HORIZON,
    target=TARGET_OF_HORIZON,
    candidate=("varchar", "the linear model"),
    position=("integer", "position in the model, from 1, the intercept"),
    row_kind=("varchar", "intercept, number, missing, category or other_categories: what the model multiplies"),
    feature=("varchar", "the feature; null for the intercept"),
    category=("varchar", "the category; null for the other kinds of row"),
    source_family=FAMILY,
    description=IN_WORDS,
    standard_deviation=("double", "of the input over the customers it was fitted to; null for the intercept"),
    standardised_coefficient=("double", "per standard deviation: in those of the spend, or in log odds"),
    per_unit=("double", "per unit: in money, or in log odds; for the intercept the value itself"),
)  # fmt: skip
PERMUTATION_IMPORTANCE = declare(
    "training.permutation_importance", "target and feature, and per source as a whole", "training/permutation_importance",
    "interpretation/champion.py",
    target=TARGET_OF_HORIZON,
    row_kind=("varchar", "feature: shuffled alone; source: all features of a source together"),
    horizon_days=HORIZON,
    feature=("varchar", "the feature; null for a source as a whole"),
    source_family=FAMILY,
    description=IN_WORDS,
    metric=("varchar", "what is lost: normalised_gini of the spend, roc_auc of the purchase probability"),
    mean_drop=("double", "the metric's loss on the test window when its values are shuffled"),
    low=LOW,
    high=HIGH,
)  # fmt: skip
PARTIAL_DEPENDENCE = declare(
    "training.partial_dependence", "target, feature and position on its grid", "training/permutation_importance",
    "interpretation/champion.py",
    target=TARGET_OF_HORIZON,
    horizon_days=HORIZON,
    feature=("varchar", "the feature"),
    source_family=FAMILY,
    description=IN_WORDS,
    position=("integer", "position on the grid, from 1"),
    value=("varchar", "the value set for all customers, as text"),
    value_as_number=("double", "the same value as a number; null for a category or a missing value"),
    prediction=("double", "mean predicted spend in money, or mean purchase probability"),
    low=LOW,
    high=HIGH,
)  # fmt: skip
SOURCE_ABLATION = declare(
    "training.source_ablation", "source left out and metric", "training/source_ablation", "interpretation/champion.py",
    horizon_days=HORIZON,
    left_out=("varchar", "the source left out"),
    description=IN_WORDS,
    metric=("varchar", "name of the metric"),
    with_source=("double", "the metric with every source"),
    without_source=("double", "the metric without this one"),
    difference=("double", "with_source minus without_source"),
    low=LOW,
    high=HIGH,
)  # fmt: skip
