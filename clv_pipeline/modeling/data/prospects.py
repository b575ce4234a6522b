"""Prospects: what past customers who had never bought before a cutoff spent after it. Nothing is learned from features."""

from dataclasses import dataclass

from clv_pipeline.warehouse.connection import Connection, one_row

#: Share of prospects who may spend more than the upper end of their interval.
_ABOVE = 0.05


@dataclass(frozen=True)
class Prospects:
    """Outcomes of past prospects in a window: money per prospect, the share who bought, and the spend of those who did.

    high: the upper end of the 90 % interval of all prospects, whose lower end and median are 0. if_buying_*: the 5 %, 50 %
    and 95 % quantiles of the spend of those who bought; 0 if nobody did.
    """

    spend: float = 0.0
    high: float = 0.0
    probability: float = 0.0
    if_buying_low: float = 0.0
    if_buying_typical: float = 0.0
    if_buying_high: float = 0.0


def read_prospects(connection: Connection, horizon_days: int) -> Prospects:
    """Return the outcomes of the prospects of all training cutoffs whose windows are over."""
    spend, high, probability, low, typical, most = one_row(
        connection,
        f"""
        with prospects as (
            select labels.spend_total::double as spend, labels.has_purchase as has_bought
            from training.labels
            inner join features.customer_features using (as_of, customer_id)
            where labels.horizon_days = {horizon_days:d} and customer_features.recency_days is null
        ),

        buyers as (select greatest(spend, 0) as spend from prospects where has_bought)

        select coalesce(sum(spend::decimal(18, 2))::double / count(*), 0), coalesce(quantile_cont(spend, {1 - _ABOVE}), 0),
            coalesce(avg(has_bought::int), 0)::double,
            (select coalesce(quantile_cont(spend, 0.05), 0) from buyers),
            (select coalesce(quantile_cont(spend, 0.5), 0) from buyers),
            (select coalesce(quantile_cont(spend, 0.95), 0) from buyers)
        from prospects
        """,
    )
    mean = max(float(spend), 0.0)
    # the interval of everybody encloses the mean
    return Prospects(mean, max(float(high), mean), float(probability), float(low), float(typical), float(most))
