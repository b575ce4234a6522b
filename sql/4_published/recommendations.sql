-- One row per customer with a recommended action: the action, the reason, the value at stake, by priority.
with customer_clv as (select * from published.customer_clv),

customer_scores as (select * from scores.customer_scores),

actions as (
    select
        customer_clv.customer_id,
        customer_clv.segment,
        case customer_clv.segment
            when 'high_value' then 'keep: personal service and early access, no discount'
            when 'churn_risk' then 'win back: personal offer before the customer lapses'
            when 'missed_opportunity' then 'grow: a reason to return for a customer who spends much when buying'
            when 'new_customer' then 'second purchase: welcome series within the first weeks'
            when 'prospect' then 'first purchase: introduce the product range'
        end as action,
        case customer_clv.segment
            when 'high_value' then customer_scores.primary_spend
            when 'churn_risk' then customer_clv.historic_value_365d
            when 'missed_opportunity' then customer_scores.primary_if_buying
            else customer_scores.primary_spend
        end as value_at_stake,
        case customer_clv.segment
            when 'high_value' then 'among the highest predicted spend'
            when 'churn_risk' then 'valuable to date or a recent first purchase, but the purchase probability is low'
            when 'missed_opportunity' then 'spends much when buying, but has not bought recently'
            when 'new_customer' then 'first purchase recently'
            when 'prospect' then 'known customer without a purchase yet'
        end as why,
        customer_clv.currency,
        customer_clv.as_of_date
    from customer_clv
    inner join customer_scores on customer_clv.customer_id = customer_scores.customer_id
)

select
    row_number() over (order by coalesce(value_at_stake, 0) desc, customer_id) as priority,
    customer_id,
    segment,
    action,
    why,
    coalesce(value_at_stake, 0)::decimal(18, 2) as value_at_stake,
    currency,
    as_of_date
from actions
where action is not null
order by priority
