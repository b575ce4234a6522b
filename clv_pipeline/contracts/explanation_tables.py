"""The warehouse tables that explain scores: the drivers of each customer's prediction."""

from clv_pipeline.contracts.table import declare

CUSTOMER_REASONS = declare(
    "scores.customer_reasons", "customer who has bought and driver", "scores/customer_scores", "scoring/reasons.py",
    customer_id=("varchar", "the customer"),
    rank=("integer", "1 is the strongest of the five drivers named; 6 is the others together"),
    driver=("varchar", "the driver, a word of `features/drivers.py`"),
    effect=("decimal(18, 2)", "money that it adds to the average customer's predicted spend, primary horizon"),
    fact=("varchar", "what the customer did, in words"),
)  # fmt: skip
