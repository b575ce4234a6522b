"""The warehouse tables that explain scores: each customer's drivers, what was known on earlier nights, and why scores changed."""

from dataclasses import replace

from clv_pipeline.contracts.table import Table, declare

_CUSTOMER = ("varchar", "the customer")
_MONEY = "decimal(18, 2)"

CUSTOMER_REASONS = declare(
    "scores.customer_reasons", "customer who has bought and driver", "scores/customer_scores", "scoring/reasons.py",
    customer_id=_CUSTOMER,
    rank=("integer", "1 is the strongest of the five drivers named; 6 is the others together"),
    driver=("varchar", "the driver, a word of `features/drivers.py`"),
    effect=(_MONEY, "money that it adds to the average customer's predicted spend, primary horizon"),
    fact=("varchar", "what the customer did, in words"),
)  # fmt: skip
UNSCALED = declare(
    "scores.unscaled", "customer who has bought", "scores/customer_scores", "scoring/scoring.py",
    customer_id=_CUSTOMER,
    model_spend=("double", "the champion's prediction of the primary horizon before it is scaled to the expected total"),
    expected_spend=("double", "the purchase models' expectation for it; 0 without one"),
)  # fmt: skip

_SCORES = "scores"
#: How the names of the tables begin that keep what earlier nights knew.
KNOWN_PREFIX = f"{_SCORES}.known_"
_KNOWN_ON = ("date", "the published night that knew the row")


def _known(name: str, *columns: tuple[str, str]) -> Table:
    """Return the table that keeps rows of a clean table as published nights knew them: those that features read."""
    return replace(
        declare(
            f"{KNOWN_PREFIX}{name}",
            f"row of clean.{name} and published night: the newest one, and the one before it",
            "published/bundle",
            "score_changes/known.py",
            known_on=_KNOWN_ON,
            **{column: (kind, f"as in clean.{name}") for column, kind in columns},
        ),
        is_history=True,
    )


KNOWN_ORDERS = _known(
    "orders", ("customer_id", "varchar"), ("order_id", "varchar"), ("order_date", "date"), ("product_id", "varchar"),
    ("product_category", "varchar"), ("quantity", "decimal(18, 6)"), ("amount", _MONEY), ("channel", "varchar"),
)  # fmt: skip
KNOWN_WEB_SESSIONS = _known(
    "web_sessions", ("customer_id", "varchar"), ("session_id", "varchar"), ("started_at", "timestamptz"),
    ("session_date", "date"), ("page_views", "bigint"), ("duration_seconds", "bigint"), ("device", "varchar"),
    ("traffic_source", "varchar"), ("cart_additions", "bigint"), ("is_converted", "boolean"),
)  # fmt: skip
KNOWN_SURVEY_RESPONSES = _known(
    "survey_responses", ("customer_id", "varchar"), ("response_id", "varchar"), ("responded_at", "timestamptz"),
    ("response_date", "date"), ("nps_score", "bigint"), ("csat_score", "bigint"),
)  # fmt: skip
KNOWN_SOCIAL_INTERACTIONS = _known(
    "social_interactions", ("customer_id", "varchar"), ("interaction_id", "varchar"), ("occurred_at", "timestamptz"),
    ("interaction_date", "date"), ("network", "varchar"), ("kind", "varchar"), ("sentiment", "decimal(18, 6)"),
)  # fmt: skip
KNOWN_CAMPAIGN_TOUCHES = _known(
    "campaign_touches", ("customer_id", "varchar"), ("touch_id", "varchar"), ("touched_at", "timestamptz"),
    ("touch_date", "date"), ("channel", "varchar"), ("cost", _MONEY), ("is_responded", "boolean"),
    ("response_date", "date"),
)  # fmt: skip
KNOWN_CUSTOMERS = _known(
    "customers", ("customer_id", "varchar"), ("created_date", "date"), ("country", "varchar"),
    ("acquisition_channel", "varchar"), ("acquisition_cost", _MONEY), ("has_crm_record", "boolean"),
    ("attributes", "varchar"),
)  # fmt: skip
KNOWN_NIGHTS = replace(declare(
    "scores.known_nights", "published night whose rows are known: the newest one, and the one before it", "published/bundle",
    "score_changes/known.py",
    known_on=_KNOWN_ON,
    horizon_days=("integer", "its primary horizon"),
    currency=("varchar", "the currency of its amounts"),
    model_version=("varchar", "the version that scored"),
    inputs=("varchar", "hash over the settings that change data, and the code"),
    spend_per_expectation=("double", "expected total over the purchase models' sum; null: predictions were not scaled"),
    expectation_weight=("double", "weight of the purchase models' expectation in each customer's spend"),
), is_history=True)  # fmt: skip

#: The causes of a change in the order in which they are taken, and what each means.
CAUSES = {
    "time_passed": "the days that passed, with what was known before",
    "new_orders": "orders since then",
    "returns": "returns since then",
    "web": "web visits since then",
    "survey": "survey answers since then",
    "social": "social media contacts since then",
    "campaigns": "campaign contacts and answers since then",
    "corrections": "rows about earlier days that came late, changed or are gone, and changes in the CRM",
    "model": "another model version",
    "level_and_season": "the scaling of all predictions to the expected total: season, and what all other customers did",
    "settings": "settings that change data, or another release of the pipeline; these take the place of corrections and time "
    "passed, which cannot be told from them then",
    "not_split": "the change cannot be split: nothing is known any more about the night before, or its model is gone",
}
SCORE_CHANGES = declare(
    "scores.score_changes", "customer with a score tonight and on the published night before", "scores/score_changes",
    "score_changes/attribution.py",
    customer_id=_CUSTOMER,
    previous_date=("date", "the published night before"),
    previous_spend=(_MONEY, "predicted spend of that night, primary horizon"),
    predicted_spend=(_MONEY, "predicted spend of tonight, primary horizon"),
    **{cause: (_MONEY, f"the part of the change that comes from {meaning}") for cause, meaning in CAUSES.items()},
    main_cause=("varchar", "the cause of the largest part; of equal ones the first in this order"),
)  # fmt: skip
