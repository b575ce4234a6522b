-- One row per acquisition channel: acquisition cost (CAC) and value of its customers, LTV to CAC, payback in months.
-- LTV here is the historic value plus the predicted spend of the primary horizon, times the gross margin.
with customer_clv as (select * from published.customer_clv),

customer_scores as (select * from scores.customer_scores),

customers as (select * from clean.customers),

marketing_spend as (select * from clean.marketing_spend),

run as (select * from scores.run),

spend as (
    select marketing_spend.channel, sum(marketing_spend.spend) as marketing_spend
    from marketing_spend
    cross join run
    where marketing_spend.spend_date < run.as_of
    group by marketing_spend.channel
),

named as (
    select * replace (coalesce(acquisition_channel, 'unknown') as acquisition_channel)
    from customer_clv
),

acquired as (
    select
        customer_clv.acquisition_channel,
        count(*) as customers,
        count(customer_clv.first_order_date) as buyers,
        sum(customers.acquisition_cost) as recorded_cost,
        sum(customer_clv.historic_value) as historic_value,
        sum(customer_scores.primary_spend) as predicted_spend,
        avg(date_diff('day', customers.first_seen_date, customer_clv.as_of_date)) / 30.4375 as mean_age_months
    from named as customer_clv
    inner join customers on customer_clv.customer_id = customers.customer_id
    inner join customer_scores on customer_clv.customer_id = customer_scores.customer_id
    group by customer_clv.acquisition_channel
),

costed as (
    select
        acquired.*,
        spend.marketing_spend,
        coalesce(acquired.recorded_cost, spend.marketing_spend) / nullif(acquired.buyers, 0) as cac,
        (acquired.historic_value + acquired.predicted_spend) * $gross_margin / nullif(acquired.buyers, 0) as ltv,
        acquired.historic_value * $gross_margin / nullif(acquired.buyers, 0) / greatest(acquired.mean_age_months, 1)
            as margin_per_month
    from acquired
    left join spend on acquired.acquisition_channel = spend.channel
)

select
    costed.acquisition_channel,
    costed.customers,
    costed.buyers,
    costed.marketing_spend::decimal(18, 2) as marketing_spend,
    costed.historic_value::decimal(18, 2) as historic_value,
    costed.predicted_spend::decimal(18, 2) as predicted_spend,
    costed.cac::decimal(18, 2) as acquisition_cost_per_buyer,
    costed.ltv::decimal(18, 2) as value_per_buyer,
    (costed.ltv / nullif(costed.cac, 0))::decimal(18, 2) as ltv_to_cac,
    (costed.cac / nullif(greatest(costed.margin_per_month, 0), 0))::decimal(18, 1) as payback_months,
    run.currency
from costed
cross join run
order by costed.acquisition_channel
