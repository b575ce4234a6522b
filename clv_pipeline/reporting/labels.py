"""Names that reports, cards and the terminal show for metrics, targets, roles and published columns; no numbers.

Labels of features are in `features/wording.py`; a new metric needs its entry here.
"""

import re
from dataclasses import dataclass
from typing import Literal

#: How a metric is written: 0.834, 90.3%, -1.9%, or money.
Kind = Literal["score", "share", "bias", "money"]


@dataclass(frozen=True)
class Metric:
    """The label of a metric in tables, its meaning in one sentence, and its number format."""

    label: str
    meaning: str
    kind: Kind = "score"


METRICS = {
    "normalised_gini": Metric(
        "Gini", "how well customers are ranked by spend: 1 is the perfect order, 0 is a random order"
    ),
    "spearman": Metric("Spearman", "rank correlation of predicted and actual spend, 1 at best"),
    "top_decile_capture": Metric(
        "top 10 %", "spend of the 10 % of customers ranked highest, relative to the best possible 10 %"
    ),
    "top_fifth_capture": Metric(
        "top 20 %", "spend of the 20 % of customers ranked highest, relative to the best possible 20 %"
    ),
    "top_decile_share": Metric(
        "top 10 % of all", "share of all spend that comes from the 10 % of customers ranked highest"
    ),
    "top_fifth_share": Metric(
        "top 20 % of all", "share of all spend that comes from the 20 % of customers ranked highest"
    ),
    "r_squared": Metric("R²", "share of the variance in spend that is explained, 1 at best"),
    "mean_absolute_error": Metric("MAE", "mean absolute error per customer, in money", "money"),
    "median_absolute_error": Metric("median error", "median absolute error per customer, in money", "money"),
    "root_mean_squared_error": Metric(
        "RMSE", "root mean squared error, in money; a few large misses count heavily", "money"
    ),
    "wape": Metric("WAPE", "sum of all absolute errors over total actual spend; lower is better"),
    "decile_wape": Metric("decile WAPE", "the same after customers are grouped by predicted decile; lower is better"),
    "tweedie_deviance": Metric("Tweedie", "deviance suited to spend that is often zero; lower is better"),
    "total_bias": Metric("bias", "how far predicted total spend is above (+) or below (-) the actual total", "bias"),
    "roc_auc": Metric("AUC", "probability that a buyer is ranked above a non-buyer: 1 at best, 0.5 is random"),
    "log_loss": Metric("log loss", "error of the purchase probabilities; lower is better"),
    "brier": Metric("Brier", "mean squared error of the purchase probabilities; lower is better"),
    "interval_coverage": Metric(
        "90 % interval: customers inside", "share of customers whose spend was inside their interval", "share"
    ),
    "interval_coverage_of_buyers": Metric(
        "90 % interval: buyers inside", "share of buyers whose spend was inside their interval", "share"
    ),
    "interval_lowest_decile_coverage": Metric(
        "90 % interval: worst predicted decile", "share inside in the predicted decile with the lowest share", "share"
    ),
    "interval_coverage_of_top_decile": Metric(
        "90 % interval: highest predicted decile", "share inside in the decile with the highest predictions", "share"
    ),
    "if_buying_coverage": Metric(
        "interval if they buy: buyers inside", "share of buyers whose spend was inside the interval if they buy", "share"
    ),
    "pooled_interval_coverage": Metric(
        "90 % interval, all windows", "customers inside, over the test window and the folds before it", "share"
    ),
    "pooled_if_buying_coverage": Metric(
        "interval if they buy, all windows", "buyers inside, over the test window and the folds before it", "share"
    ),
    "typical_mean_absolute_error": Metric("MAE of typical spend", "mean absolute error of the predicted median", "money"),
    "probability_roc_auc": Metric("AUC of the probability", "AUC of the published purchase probability"),
    "probability_calibration_slope": Metric(
        "slope of the probability", "1 is right; below 1, probabilities are too close to 0 and 1"
    ),
    "probability_log_loss": Metric("log loss of the probability", "log loss of the published purchase probability"),
    "total_actual_over_low": Metric(
        "actual total / lower end of its interval", "at least 1 if the actual total is inside the interval"
    ),
    "total_actual_over_high": Metric(
        "actual total / upper end of its interval", "at most 1 if the actual total is inside the interval"
    ),
}  # fmt: skip
#: Published columns with our own codes, such as `churn_risk`; every other text is shown as the company wrote it.
COLUMNS_OF_CODES = {"segment", "score_status", "table_name"}
#: Headings that are clearer than the column's name.
_HEADINGS = {
    "customer_id": "customer",
    "predicted_spend_total": "predicted spend",
    "predicted_spend_total_low": "lower end",
    "predicted_spend_total_high": "upper end",
    "predicted_spend_mean": "predicted spend per customer",
    "predicted_spend_share": "share of predicted spend",
    "purchase_probability_mean": "mean purchase probability",
    "historic_value": "net spend to date",
    "historic_value_total": "net spend to date",
    "reason_1": "main reason",
    "reason_2": "second reason",
    "why": "reason",
    "ltv_to_cac": "LTV to CAC",
    "payback_months": "months to pay back",
    "as_of_date": "predicted on",
    "horizon_days": "days",
    "table_name": "table",
    "disposition": "status",
    "row_count": "rows",
    "source_money": "amount at the source",
    "expected_spend": "expected",
    "expected_spend_low": "lower end",
    "expected_spend_high": "upper end",
    "actual_spend": "actual",
    "is_inside": "total inside",
    "share_inside": "customers inside",
    "baseline_gini": "baseline's gini",
    "baseline_bias": "baseline's bias",
}


def metric(name: str) -> Metric:
    """Return the label of a metric; one without an entry, as in a bundle of an older version, is shown by its name.

    >>> metric("roc_auc").label, metric("some_old_metric").label
    ('AUC', 'some old metric')
    """
    return METRICS.get(name) or Metric(words(name), "")


def words(code: str) -> str:
    """Return a code without its underscores.

    >>> words("churn_risk")
    'churn risk'
    """
    return code.replace("_", " ")


def heading(column: str) -> str:
    """Return the heading of a published column.

    >>> heading("predicted_spend_90d"), heading("row_count")
    ('predicted spend (90 days)', 'rows')
    """
    return _HEADINGS.get(column) or words(re.sub(r"_(\d+)d$", r" (\1 days)", column))


def target(name: str) -> str:
    """Return the label of a target.

    >>> target("spend_90d_total"), target("purchase_90d"), target("spend"), target("purchase")
    ('spend (90 days)', 'purchase (90 days)', 'spend', 'purchase')
    """
    days = re.search(r"_(\d+)d(_|$)", name)
    kind = "purchase" if name.startswith("purchase") else "spend"
    return f"{kind} ({days[1]} days)" if days else kind


def drivers(target: str, currency: str) -> tuple[str, str, str]:
    """Return the labels of plots about a target's champion: its prediction, the loss of skill, the mean prediction.

    >>> drivers("spend_90d_total", "EUR")
    ('Predicted spend', 'loss of normalised Gini', 'mean predicted spend, EUR')
    >>> drivers("purchase_90d", "EUR")
    ('Purchase probability', 'loss of ROC-AUC', 'mean purchase probability')
    """
    if target.startswith("purchase"):
        return "Purchase probability", "loss of ROC-AUC", "mean purchase probability"
    return "Predicted spend", "loss of normalised Gini", f"mean predicted spend, {currency}"


def role(*, is_champion: bool, is_baseline: bool) -> str:
    """Return the role of a model in a comparison.

    >>> role(is_champion=False, is_baseline=True)
    'baseline'
    """
    return "champion" if is_champion else "baseline" if is_baseline else ""


def window(days: int, cutoff: object) -> str:
    """Return the name of a test window.

    >>> window(90, "2024-04-02")
    '90 days from 2024-04-02'
    """
    return f"{days} days from {cutoff}"


_BASES = {
    "learned": "made by models that were fitted to past periods of the same length",
    "extended": "made by models of a shorter period, and carried on by the purchase models",
    "prior": "made by the purchase models alone, with what is known of other companies, for there are few buyers or little "
    "history",
    "rule": "made by a fixed rule: there is not even a purchase model",
}


def basis(name: str) -> str:
    """Return the text of a basis of a horizon's predictions.

    >>> basis("rule")
    'made by a fixed rule: there is not even a purchase model'
    """
    return _BASES[name]


_RANKING = {
    "rankable": "rankable: some model orders them better than chance",
    "not rankable": "not rankable: no model orders them better than chance; use the total, which is the past mean, "
    "not the order",
    "not tested": "not tested: there are too few buyers, or the order history is too short",
}


def ranking(verdict: str) -> str:
    """Return the text of the published verdict whether customers can be ranked.

    >>> ranking("rankable")
    'rankable: some model orders them better than chance'
    """
    return _RANKING[verdict]


_DRIVERS = {
    "order_value": "how much they spend",
    "frequency": "how often they buy",
    "recency": "how recently they bought",
    "trend": "whether their spend grows",
    "tenure": "how long they have been customers",
    "season": "when in the year they buy",
    "returns": "what they send back",
    "assortment": "what they buy",
    "web": "their visits to the website",
    "survey": "their answers to surveys",
    "social": "their contacts in social media",
    "campaigns": "their answers to campaigns",
    "profile": "who they are",
    "other": "everything else",
    "unexplained": "what the reasons do not explain",
}


def driver(name: str) -> str:
    """Return a driver of predictions in the words of a sentence.

    >>> driver("recency")
    'how recently they bought'
    """
    return _DRIVERS.get(name) or words(name)


_FIRST_ORDERS = {
    "acquisition_channel": "came through {}",
    "country": "live in {}",
    "first_order_channel": "placed their first order through {}",
    "first_category": "bought {} first",
    "first_order_value": "began with an order {}",
    "first_order_lines": "began with an order of {} lines",
    "first_order_month": "began in {}",
    "first_order_weekday": "began on a {}",
}


def first_order(attribute: str, group: str) -> str:
    """Return a value of an attribute known at the first order as the end of a sentence about customers.

    >>> first_order("acquisition_channel", "paid_search"), first_order("first_order_value", "4: above 443.60")
    ('came through paid search', 'began with an order above 443.60')
    >>> first_order("first_order_month", "09 September"), first_order("visited_before", "yes")
    ('began in September', 'had yes as visited before')
    """
    value = words(re.sub(r"^\d+:? (?=[A-Za-z])", "", group)) if attribute != "first_order_lines" else group
    return _FIRST_ORDERS.get(attribute, f"had {{}} as {words(attribute)}").format(value)


_STAKES = {
    "high_value": "predicted spend",
    "churn_risk": "spend of the last 365 days",
    "missed_opportunity": "typical spend if they buy",
    "new_customer": "predicted spend",
    "prospect": "predicted spend",
}


def stake(segment: str) -> str:
    """Return what `recommendations.value_at_stake` is for a segment.

    >>> stake("churn_risk")
    'spend of the last 365 days'
    """
    return _STAKES[segment]


def at_stake(segment: str, amount: str, days: int) -> str:
    """Return the same as a sentence.

    >>> at_stake("churn_risk", "500 EUR", 90)
    'They spent 500 EUR in the last 365 days'
    """
    match segment:
        case "churn_risk":
            return f"They spent {amount} in the last 365 days"
        case "missed_opportunity":
            return f"If each of them buys once more as usual, they spend {amount}"
    return f"They are expected to spend {amount} in {days} days"
