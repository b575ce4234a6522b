"""The warehouse tables of next purchases: the fitted ranker, the lists of tonight, and how good the lists are.

The published ones are in `published_next_purchases.py`.
"""

from clv_pipeline.contracts.table import HIGH, HORIZON, LOW, declare

_KIND = ("varchar", "again: items the customer has bought; new_to_them: items the customer has not bought")
_LEVEL = ("varchar", "what an item is: category or product; null where there are no lists")

NEXT_PURCHASE_RANKER = declare(
    "training.next_purchase_ranker", "file of the ranker that was fitted last", "training/next_purchase_ranker",
    "next_purchases/fitting.py",
    file=("varchar", "name of the file in the folder of the model version"),
    content=("blob", "its content"),
)  # fmt: skip
NEXT_PURCHASES = declare(
    "scores.next_purchases", "customer, kind and rank", "scores/next_purchases", "next_purchases/scoring.py",
    customer_id=("varchar", "the customer"),
    kind=_KIND,
    rank=("integer", "place in the customer's list of this kind, from 1"),
    item=("varchar", "the category or product"),
    item_level=_LEVEL,
    horizon_days=HORIZON,
    method=("varchar", "what ordered the list: learned_ranker, or the baseline own_frequency or popularity"),
    probability=("decimal(7, 6)", "probability that the customer buys the item in the window"),
    probability_low=("decimal(7, 6)", "lower end of its 90 % interval; null where no window was tested"),
    probability_high=("decimal(7, 6)", "upper end"),
    popularity_probability=("decimal(7, 6)", "share of all known customers who bought it in the last window of this length"),
    expected_spend=("decimal(18, 2)", "probability times the expected spend on the item if it is bought"),
    expected_spend_low=("decimal(18, 2)", "the same for probability_low"),
    expected_spend_high=("decimal(18, 2)", "the same for probability_high"),
    step=("varchar", "repeat, step_up or new; null where a price that decides it is unknown"),
    usual_price=("decimal(18, 2)", "median price of a unit of the item in the last year; null if unknown"),
    compared_price=("decimal(18, 2)", "usual price of what the customer buys, to compare with; null if there is none"),
    because=("varchar", "the facts behind the suggestion"),
)  # fmt: skip
NEXT_PURCHASE_QUALITY = declare(
    "scores.next_purchase_quality", "row kind, kind of list, method and metric", "scores/next_purchases",
    "next_purchases/scoring.py",
    row_kind=("varchar", "method: a figure; difference: its lead over the baseline; verdict; status: tonight's lists"),
    kind=_KIND,
    method=("varchar", "the method; none in a status row without lists"),
    metric=("varchar", "name of the metric"),
    item_level=_LEVEL,
    horizon_days=HORIZON,
    test_window_start=("date", "first day of the test window; null where nothing was tested"),
    customers=("integer", "customers with a purchase of the kind in the test window; in a status row those with a list"),
    value=("double", "the value; in a verdict 1 for yes and 0 for no"),
    low=LOW,
    high=HIGH,
    statement=("varchar", "the verdict or the status in words; null for figures"),
)  # fmt: skip
