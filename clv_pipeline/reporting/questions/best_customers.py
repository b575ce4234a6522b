"""Who are our best customers, and what are they worth?"""

from typing import Any

from clv_pipeline.reporting import formats, labels
from clv_pipeline.reporting.questions.answer import Answer, Statement
from clv_pipeline.reporting.tables import Table
from clv_pipeline.warehouse.connection import Connection, records

QUESTION = "Who are our best customers, and what are they worth?"
_SHOWN = 5
#: From this share on, one customer decides the total.
_LARGE_SHARE = 0.05
_DECILES = """
select spend_share_to_here from base_deciles
where period = 'last_365_days' and row_kind = 'decile' and decile in (1, 2) and 10 = (
    select count(*) from base_deciles where period = 'last_365_days' and row_kind = 'decile'
) order by decile
"""


def answer(connection: Connection, run: dict[str, Any]) -> Answer:
    """Return the high value customers: their share, their worth over the horizon and over life, and the first of them."""
    found = records(connection, "select * from segments where segment = 'high_value'")
    if run["ranking"] == "not rankable" or not found:
        return Answer(
            QUESTION,
            Statement("Nobody can be told apart as better than the others yet.", ("clv_run",)),
            [
                Statement(f"Order of the customers: {labels.ranking(run['ranking'])}.", ("clv_run",)),
                *_concentration(connection),
            ],
        )
    (best,) = found
    days, currency = int(run["primary_horizon_days"]), str(run["currency"])
    share = formats.spoken_percent(best["customers"] / run["customers"])
    reach = formats.spoken_range(best["predicted_spend_total_low"], best["predicted_spend_total_high"], currency)
    headline = (
        f"{formats.count(best['customers'])} high value customers, {share} of all, bring "
        f"{formats.spoken_percent(best['predicted_spend_share'])} of the predicted spend: "
        f"{formats.spoken_money(best['predicted_spend_total'], currency)} in {days} days"
    )
    return Answer(
        QUESTION,
        Statement(f"{headline}{f' (90 % certain: {reach})' if reach else ''}.", ("segments", "clv_run")),
        [*_over_life(best, run), *_concentration(connection), *_largest(run)],
        _first(connection, days, has_margin=best["lifetime_margin_total"] is not None),
    )


def _over_life(best: dict[str, Any], run: dict[str, Any]) -> list[Statement]:
    spend, margin, currency = best["lifetime_spend_total"], best["lifetime_margin_total"], str(run["currency"])
    if spend is None:
        return [
            Statement(
                "What they are worth over their lifetime is not known: no purchase model could be fitted.",
                ("segments",),
            )
        ]
    in_words = (
        f"a margin of {formats.spoken_money(margin, currency)} in today's money"
        if margin is not None
        else "no margin is known, for neither a cost of the order lines nor the setting gross_margin is there"
    )
    text = (
        f"Over the next {formats.spoken(run['lifetime_days'] / 365.25)} years they are expected to spend "
        f"{formats.spoken_money(spend, currency)}: {in_words}. No past window is long enough to say how far off that may be."
    )
    return [Statement(text, ("segments", "clv_run"))]


def _concentration(connection: Connection) -> list[Statement]:
    shares = [formats.spoken_percent(row["spend_share_to_here"]) for row in records(connection, _DECILES)]
    if len(shares) != 2:
        return []
    text = f"Of the sales of the last 365 days, the best 10 % of the buyers brought {shares[0]}, and the best 20 % {shares[1]}."
    return [Statement(text, ("base_deciles",))]


def _largest(run: dict[str, Any]) -> list[Statement]:
    share = run["largest_customer_share"]
    if share is None or share < _LARGE_SHARE:
        return []
    text = (
        f"One customer alone is {formats.spoken_percent(share)} of the predicted spend: the total depends on that one."
    )
    return [Statement(text, ("clv_run",))]


def _first(connection: Connection, days: int, *, has_margin: bool) -> Table:
    rows = records(
        connection,
        f"""
        select customer_id, predicted_spend_{days}d as spend, predicted_spend_low_{days}d as low,
            predicted_spend_high_{days}d as high, purchase_probability_{days}d as probability, lifetime_spend, lifetime_margin
        from customer_clv order by predicted_spend_{days}d desc, customer_id limit {_SHOWN}
        """,
    )
    header = ["customer", f"next {days} days", "90 % range", "will buy", "lifetime spend"]
    cells = [
        [
            str(row["customer_id"]), formats.spoken_money(row["spend"]), formats.spoken_range(row["low"], row["high"]),
            formats.spoken_percent(row["probability"]), formats.spoken_money(row["lifetime_spend"]),
            *([formats.spoken_money(row["lifetime_margin"])] if has_margin else []),
        ]
        for row in rows
    ]  # fmt: skip
    header += ["lifetime margin"] if has_margin else []
    return Table(header, cells, frozenset(range(1, len(header))))
