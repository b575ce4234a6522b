-- One row per segment: number, value and activity of its customers.
with customer_clv as (select * from published.customer_clv),

customer_scores as (select * from scores.customer_scores),

totals as (select sum(primary_spend) as predicted_total from customer_scores)

select
    customer_clv.segment,
    count(*) as customers,
    sum(customer_scores.primary_spend)::decimal(18, 2) as predicted_spend_total,
    avg(customer_scores.primary_spend)::decimal(18, 2) as predicted_spend_mean,
    coalesce(sum(customer_scores.primary_spend) / nullif(any_value(totals.predicted_total), 0), 0)::decimal(5, 4)
        as predicted_spend_share,
    avg(customer_scores.primary_probability)::decimal(5, 4) as purchase_probability_mean,
    sum(customer_clv.historic_value)::decimal(18, 2) as historic_value_total,
    any_value(customer_clv.currency) as currency,
    any_value(customer_clv.as_of_date) as as_of_date
from customer_clv
inner join customer_scores on customer_clv.customer_id = customer_scores.customer_id
cross join totals
group by customer_clv.segment
order by predicted_spend_total desc, customer_clv.segment
