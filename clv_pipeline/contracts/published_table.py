"""Published table as the contract declares it, and the columns that several tables share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedTable:
    """One published table; `key` is unique and never null, `columns` has the meaning of each column.

    is_history: whether the rows of an as_of_date and run_id stay as they were published, or are removed.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]
    is_history: bool = False


IDENTITY = {
    "as_of_date": "date the scores are computed for; only data before this day (business time zone) is used",
    "currency": "ISO code of every amount in the row",
    "run_id": "the run that wrote the row; the same input and as_of give the same run_id",
    "model_version": "the model version that made the prediction",
    "scored_at": "as_of_date 00:00 in the business time zone, as UTC",
    "updated_at": "scored_at of the run in which a business value of this row last changed (UTC)",
}
SEGMENT = {
    "segment": "high_value, churn_risk, missed_opportunity, new_customer, steady, dormant or prospect",
    "value_tier": "A: top 5 % by predicted spend, B: next 15 %, C: next 30 %, D: the rest",
    "score_status": "the customer's history: no_purchase_yet (the prediction is the average of earlier customers who had not "
    "bought yet); new_customer (first purchase in the last 30 days); single_purchase (one purchase day); repeat_customer",
}
WINDOW = {
    "horizon_days": "length of the predicted window in days, from as_of_date",
    "predicted_spend": "expected net spend in the window, in currency",
    "purchase_probability": "probability of at least one purchase in the window, 0 to 1",
}
