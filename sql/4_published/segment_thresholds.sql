-- One row per threshold of this run's segments and value tiers; money in the reporting currency.
with customer_scores as (select * from scores.customer_scores where score_status <> 'no_purchase_yet'),

customer_features as (select * from features.customer_features where role = 'score'),

measured as (
    select
        quantile_cont(customer_scores.primary_spend, 1 - $high_value_share) as high_value,
        quantile_cont(customer_scores.primary_spend, 0.95) as tier_a,
        quantile_cont(customer_scores.primary_spend, 0.80) as tier_b,
        quantile_cont(customer_scores.primary_spend, 0.50) as tier_c,
        quantile_cont(customer_features.spend_total, 1 - $churn_value_share) as valuable_so_far,
        quantile_cont(customer_features.monetary_value, 1 - $missed_basket_share) as large_basket
    from customer_scores
    inner join customer_features using (customer_id)
),

named as (
    select 'high_value_predicted_spend' as threshold, high_value::decimal(18, 4) as value,
        'high value: predicted spend at or above this' as meaning
    from measured
    union all
    select 'churn_risk_historic_value', valuable_so_far::decimal(18, 4), 'churn risk: historic value at or above this'
    from measured
    union all
    select 'churn_risk_purchase_probability', $churn_probability::decimal(18, 4),
        'churn risk: purchase probability below this'
    from measured
    union all
    select 'missed_opportunity_basket', large_basket::decimal(18, 4),
        'missed opportunity: average purchase day at or above this, or interest without a purchase for 90 days'
    from measured
    union all
    select 'value_tier_a', tier_a::decimal(18, 4), 'value tier A: predicted spend at or above this' from measured
    union all
    select 'value_tier_b', tier_b::decimal(18, 4), 'value tier B: predicted spend at or above this' from measured
    union all
    select 'value_tier_c', tier_c::decimal(18, 4), 'value tier C: predicted spend at or above this; D below'
    from measured
)

select threshold, coalesce(value, 0) as value, meaning
from named
order by threshold
