"""Published tables that check earlier predictions against what happened, and name what would improve them."""

from clv_pipeline.contracts.published_table import IDENTITY, WINDOW, PublishedTable

_NIGHT = {"as_of_date": "as_of_date of the run that made the prediction", "horizon_days": WINDOW["horizon_days"]}
_OF_TOTAL = "the interval is that of all customers' total, wider for a slice by what chance makes of fewer customers"

OUTCOME_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "predicted_totals",
        ("as_of_date", "horizon_days"),
        {
            **_NIGHT,
            "customers": "customers scored that night",
            "predicted_spend": "sum of their predicted spend: that of clv_run of that night, for its primary horizon",
            "predicted_spend_low": "lower end of the total's 90 % interval; null if unknown, and for nights of older "
            "releases, as are the factors and the basis",
            "predicted_spend_high": "upper end; null if unknown",
            "season_factor": "factor of the same weeks of the year before in the total; null if unknown, or if a fixed "
            "rule predicts",
            "carried_factor": "factor for the error of the last closed window; null without one, or with a season",
            "basis": "what the predictions rested on: learned, extended, prior or rule, as in clv_run",
            "customers_in_history": "customers of that night in customer_clv_history of this bundle; 0 where the night is "
            "no longer kept whole, and fewer than customers where some withdrew their consent or were erased",
            "currency": "ISO code of every amount in the row, and of the night's rows in customer_clv_history",
            "model_version": "the model version that made the prediction",
            "run_id": "the run that made the prediction",
            "scored_at": IDENTITY["scored_at"] + "; null for nights of older releases",
            "segment_definition": "hash over the SQL and settings that defined the segments of that run: segments of runs with "
            "other definitions cannot be compared; null for nights of older releases",
        },
    ),
    PublishedTable(
        "prediction_outcomes",
        ("as_of_date", "horizon_days", "is_backtest", "slice_kind", "row_kind", "slice_name"),
        {
            "as_of_date": "as_of_date of the run that made the prediction; in backtest rows the first day of the tested window",
            "horizon_days": "length of the predicted window in days, from as_of_date; in backtest rows that of the "
            "windows which "
            "models were tested on, which is shorter where basis is extended",
            "is_backtest": "true: never published; what the models of the last training would have said on a past day, "
            "tested on a "
            "sample of that day's customers. Not counted by the check past_totals. false: a published prediction",
            "slice_kind": "what the customers are divided by, as they were on as_of_date: all (not divided), decile, "
            "tier, segment "
            "(not in backtest rows), status or channel; the rows of one kind and night add up to the row of kind all. "
            "Never add "
            "rows of two kinds",
            "row_kind": "slice; or other: the slices of fewer than five customers together",
            "slice_name": "the slice: all; decile 1 (the 10 % of the buyers with the highest predicted spend) to 10, and "
            "no_purchase_yet; the tier, segment, status or acquisition channel (unknown where the CRM has none); other",
            "position": "order of the slices within their kind",
            "window_end_date": "first day after the window",
            "is_closed": "true: the window is over by the run's as_of_date. false: it is still open, and read early: "
            "expected_spend "
            "and actual_spend are those of its days so far. Only the first night of each month is read early",
            "outcome_as_of_date": "as_of_date of the run that computed the row. A closed row of a published prediction is "
            "computed "
            "once and kept: corrections of the source after that day are not in it",
            "outcome_run_id": "that run",
            "customers": "customers of the slice; those who withdrew their consent before the window was over are left out",
            "expected_share": "share of the window's spend that was expected by now, 0 to 1; 1 once it is over",
            "expected_share_basis": "how that share is known: closed (the window is over); last_year (the share that had "
            "come by the "
            "same day in the same weeks a year before, from customers known then); days (days over horizon_days)",
            "predicted_spend": "their predicted spend in the whole window, as published",
            "expected_spend": "predicted_spend times expected_share: what to compare actual_spend with",
            "expected_spend_low": f"lower end of its 90 % interval; {_OF_TOTAL}, and for an open window by one over the "
            "square root "
            "of expected_share; null in rows of older releases",
            "expected_spend_high": "upper end; null in rows of older releases",
            "actual_spend": "their net spend in the window, up to now while it is open; returns count when they happened",
            "is_inside": "whether actual_spend is inside the interval of the slice's total; null while the window is open, and "
            "in rows of older releases. Of the totals of all customers one in ten is outside if the intervals are right; of "
            "slices more, because a slice can be ranked too high or too low as a whole, which the interval does not know",
            "bias": "expected_spend over actual_spend, minus 1: +0.1 is 10 % too high; null without actual spend",
            "share_inside": "share of the customers whose spend was inside their own 90 % interval, a net return counting as "
            "nothing; null while the window is open, and in rows of older releases",
            "gini": "how well the customers of the slice were ranked by predicted spend: 1 is the perfect order, 0 a "
            "random one; "
            "null while the window is open and where nothing was spent",
            "expected_buyers": "sum of the purchase probabilities for the whole window",
            "actual_buyers": "customers who bought in the window, up to now while it is open",
            "log_loss": "error of the purchase probabilities, lower is better; null while the window is open",
            "baseline_spend": "what a fixed rule predicted for the whole window: the customers' spend of as many days "
            "before again; "
            "null in rows of older releases",
            "baseline_bias": "the baseline's bias, like bias",
            "baseline_gini": "the baseline's gini",
            "baseline_log_loss": "log loss of the purchase probability at each customer's own rate since the first purchase",
            "log_error": "natural logarithm of actual_spend over predicted_spend, of all customers: 0 is right, 0.1 about "
            "10 % more "
            "than predicted. The three parts add up to it. Null for other kinds of row and while the window is open",
            "log_error_season": "part of the season: how much larger a share of its year's sales the window had than the "
            "same weeks "
            "a year before. Null where no season was used or the orders go back less than two years: then it is in the level",
            "log_error_level": "part of the level: what is left, that is, how far the median decile of the customers was "
            "off for "
            "another reason than the season",
            "log_error_mix": "part of the mix: how much further all customers together were off than their median decile, "
            "because a "
            "few deciles differ from the others. Null where the deciles are pooled or half of them spent nothing",
            "currency": IDENTITY["currency"],
            "model_version": "the model version that made the prediction; null in backtest rows",
            "run_id": "the run that made the prediction; null in backtest rows",
        },
    ),
    PublishedTable(
        "gain_curve",
        ("horizon_days", "position"),
        {
            "horizon_days": "length of the tested window in days; shorter than the published horizon where its basis is extended",
            "position": "1 to at most 100: the customers of the window in groups of equal size, at least five each, the highest "
            "predicted spend first",
            "test_window_start_date": "first day of the newest window that the models of the last training were tested on, "
            "which none of them had seen",
            "customers_to_here": "customers of this and all earlier positions",
            "customer_share_to_here": "the same divided by all customers of the window",
            "actual_spend_to_here": "their net spend in the window; not a prediction",
            "spend_share_to_here": "the same divided by the net spend of all customers of the window: 0.6 at a "
            "customer_share_to_here of 0.1 means that the 10 % with the highest predictions made 60 % of the spend. Above 1 "
            "where later customers returned more than they bought; null where nothing was spent",
            "baseline_share_to_here": "the share that as many customers reach in the order of a fixed rule: their spend of as "
            "many days before",
            "best_share_to_here": "the share that as many customers reach in the best possible order, which nobody can know "
            "before",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "forecast_improvements",
        ("status", "improvement", "subject"),
        {
            "priority": "1 is the first to look at: what is to do before what is in use; measured shares of money first, the "
            "largest on top, then what nobody can measure yet",
            "status": "to_do: missing or wrong, and would improve forecasts or fill empty columns; in_use: a connected source, "
            "with what it is worth. What is fine already has no row",
            "improvement": "its kind: guest_orders, quarantined_orders, unclear_consent, refused_consent, stale_orders, "
            "more_history, too_few_buyers, longer_windows, nothing_to_rank, gross_margin, product_category, connect_source or "
            "connected_source",
            "subject": "the source table, file or horizon it is about",
            "statement": "what is missing and what follows from it, in words",
            "is_measured": "whether worth was measured on this company's own data",
            "measure": "what worth is: a share of money for what is to do, a gain in the order of the customers for what is in "
            "use. Never compare the two; null where nothing is measured",
            "worth": "the value of the measure; null where nobody has measured it here, which is not zero",
            "worth_low": "lower end of its 90 % interval; null where the value is counted, not estimated",
            "worth_high": "upper end",
            "money_at_stake": "the money behind the share: net sales of the last 365 days. It is not what the improvement "
            "earns; "
            "null for other measures",
            "currency": "ISO code of money_at_stake; null without it",
            "next_step": "what to do: the file, column or setting",
            "as_of_date": IDENTITY["as_of_date"],
        },
    ),
)
