"""Published tables about models: their accuracy, their explanation, and what happened after they predicted."""

from clv_pipeline.contracts.published_table import WINDOW, PublishedTable

MODEL_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "model_quality",
        ("row_kind", "horizon_days", "target", "candidate", "metric"),
        {
            "row_kind": "model: accuracy of a model or baseline; published: accuracy of the champions' published typical "
            "spend, intervals and calibrated probability, on the test window and (pooled_) over it and the folds; level: "
            "how far expected totals were off in past windows, and which factors the test window's had; verdict: what that "
            "means, in words, with 1 for yes and 0 for no",
            "horizon_days": WINDOW["horizon_days"],
            "target": "the predicted quantity",
            "candidate": "the model or fixed baseline; champion_so_far is the champion before tonight",
            "is_baseline": "a fixed rule that every model must beat",
            "is_champion": "chosen on earlier windows, where its total was right; on this one it beat the previous champion, "
            "or nothing beat it. A baseline is champion only where not even a purchase model can be fitted",
            "test_window_start_date": "first day of the test window, which no model was fitted or tuned on",
            "customers": "customers in the test window",
            "metric": "name of the metric",
            "value": "value of the metric; null where undefined",
            "interval_low": "lower end of the 90 % bootstrap interval over customers",
            "interval_high": "upper end",
            "fold_score": "mean score on the earlier tuning windows, by which the challenger is chosen",
            "statement": "the verdict in words; null for the other kinds",
            "learned_days": "length of the windows on which it was measured; shorter than horizon_days where the horizon is "
            "carried on from them",
            "basis": "what the horizon's predictions rest on: learned, extended, prior or rule",
        },
    ),
    PublishedTable(
        "parameter_search",
        ("horizon_days", "target", "candidate", "parameter_set"),
        {
            "horizon_days": WINDOW["horizon_days"],
            "target": "the predicted quantity, as in model_quality",
            "candidate": "the model or fixed baseline; champion_so_far is the champion before tonight",
            "parameter_set": "number of the parameter set in the order of the search, from 1",
            "parameters": "the parameters as JSON; a blend has its members with their weights",
            "is_chosen": "true for the set with the best fold_score of the candidate, which then met the test window",
            "fold_score": "mean over the earlier tuning windows of the score that chooses, higher is better: normalised Gini "
            "of the spend, or log likelihood of the purchase; null without such windows",
            "r_squared": "mean R2 of the spend on the same windows; null for a purchase probability and where undefined",
            "roc_auc": "mean ROC-AUC of the purchase probability on the same windows; null for spend and where undefined",
        },
    ),
    PublishedTable(
        "linear_coefficients",
        ("horizon_days", "target", "candidate", "position"),
        {
            "horizon_days": WINDOW["horizon_days"],
            "target": "the predicted quantity, as in model_quality",
            "candidate": "linear_regression, elastic_net or logistic_regression, fitted to the windows before the test window",
            "position": "position of the coefficient in the model, from 1, the intercept",
            "row_kind": "what the coefficient multiplies. number: the value, a missing one set to the median, cut off at its "
            "0.1 % and 99.9 % quantiles; missing: 1 if the value is missing; category: 1 for this category; "
            "other_categories: 1 for all rare ones together; intercept: always 1",
            "feature": "name of the feature; null for the intercept",
            "category": "the category; null for the other kinds of row",
            "source_family": "feature source: purchase, btyd (buy-till-you-die model), web, survey, social, campaign or crm; "
            "null for the intercept",
            "description": "readable label of the feature",
            "standard_deviation": "of what the coefficient multiplies, over the fitted customers; null for the intercept",
            "standardised_coefficient": "change for one standard deviation more: in standard deviations of the spend, or in "
            "log odds of a purchase; null for the intercept",
            "spend_per_unit": "change of the predicted spend for one unit more, in currency, before predictions are cut off "
            "at zero and scaled to the expected total; for the intercept the amount itself; null for a purchase probability",
            "spend_per_standard_deviation": "the same for one standard deviation more; null for the intercept",
            "log_odds_per_unit": "change of the log odds of a purchase for one unit more, before they are scaled to the "
            "expected share of buyers; for the intercept the log odds themselves; null for spend",
            "currency": "ISO code of the amounts; null for a purchase probability",
        },
    ),
    PublishedTable(
        "feature_importance",
        ("horizon_days", "feature"),
        {
            "rank": "1 changes predictions most",
            "feature": "name of the feature",
            "source_family": "feature source: purchase, btyd (buy-till-you-die model), web, survey, social, campaign or crm",
            "description": "readable label of the feature",
            "mean_contribution": "mean absolute amount it adds to or subtracts from a prediction",
            "horizon_days": WINDOW["horizon_days"],
        },
    ),
    PublishedTable(
        "permutation_importance",
        ("target", "row_kind", "rank"),
        {
            "target": "the predicted quantity, as in model_quality; each has its champion",
            "row_kind": "feature: shuffled alone; source: all features of a source shuffled together",
            "rank": "1 matters most; features and sources are ranked separately, for each target",
            "feature": "the feature; null for a source",
            "source_family": "feature source: purchase, btyd (buy-till-you-die model), web, survey, social, campaign or crm",
            "description": "readable label of the feature",
            "metric": "the metric that drops: normalised_gini for the spend, roc_auc for the purchase probability",
            "mean_drop": "drop of the champion's metric on the test window when the values are shuffled among customers",
            "interval_low": "lower end of its 90 % bootstrap interval over customers",
            "interval_high": "upper end",
            "horizon_days": WINDOW["horizon_days"],
        },
    ),
    PublishedTable(
        "partial_dependence",
        ("target", "feature", "position"),
        {
            "target": "the predicted quantity, as in model_quality; each has its champion",
            "feature": "one of the features that matter most for the target",
            "source_family": "feature source",
            "description": "readable label of the feature",
            "position": "position of the value in the curve, from 1",
            "value": "the value set for all customers, as text; 'none' for a missing value",
            "value_as_number": "the same value as a number; null for a category and for a missing value",
            "prediction": "mean prediction if all had the value and nothing else changed: spend in currency, or purchase "
            "probability, 0 to 1",
            "interval_low": "lower end of its 90 % bootstrap interval over customers",
            "interval_high": "upper end",
            "currency": "ISO code of the predicted amount; null for a purchase probability",
            "horizon_days": WINDOW["horizon_days"],
        },
    ),
    PublishedTable(
        "source_ablation",
        ("left_out", "metric"),
        {
            "left_out": "feature source left out of the model; all_but_purchases keeps only purchase and rhythm features",
            "description": "readable label of the source",
            "metric": "name of the metric; root_mean_squared_error is in the run's currency, and lower is better",
            "with_source": "the metric on the test window for a fixed model with every source",
            "without_source": "the metric for the same model fitted without the source",
            "difference": "with_source minus without_source: what the source adds; null where undefined",
            "interval_low": "lower end of its 90 % bootstrap interval, with the same customers drawn for both",
            "interval_high": "upper end",
            "horizon_days": WINDOW["horizon_days"],
        },
    ),
    PublishedTable(
        "fairness_audit",
        ("horizon_days", "attribute", "group_name", "metric"),
        {
            "horizon_days": WINDOW["horizon_days"],
            "attribute": "age, gender, or a column of the CRM whose feature is denied. The models see none of them, "
            "unless the setting denied_features permits age or gender",
            "group_name": "the group; groups of fewer than 50 customers are merged, or left out",
            "metric": "spend_bias: predicted divided by actual spend, minus 1; "
            "calibration: mean purchase probability minus the share who bought; "
            "top_decile_share: share of the group in the 10 % with the highest predicted spend",
            "customers": "customers of the group in the test window",
            "value": "value of the metric; null where undefined",
            "interval_low": "lower end of its 90 % bootstrap interval over the group's customers",
            "interval_high": "upper end",
            "test_window_start_date": "first day of the untouched window of the last training",
        },
    ),
)
