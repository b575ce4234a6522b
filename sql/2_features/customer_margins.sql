-- One row per customer with spend whose cost is known: the margin so far, and the rate for predicted margins.
-- margin_rate = (margin + credibility_spend x the company's rate) / (spend + credibility_spend): the more a customer has spent, the more
-- the own rate counts. Empty where no order line has a cost: then the setting gross_margin is everybody's rate. Who is not in it has the
-- company's rate.
with customer_day as (select * from features.customer_day),

customer_day_money as (select * from features.customer_day_money),

company_margin as (select * from features.company_margin where margin_source in ('cost', 'mixed')),

extraction as (select as_of from raw.extraction),

known as (
    select
        customer_day.customer_id,
        sum(
            case when company_margin.margin_source = 'mixed' then customer_day.net_spend else money.spend_with_cost end
        ) as spend,
        sum(
            (
                coalesce(money.spend_with_cost - money.cost, 0)
                + case
                    when company_margin.margin_source = 'mixed'
                        then (customer_day.net_spend - coalesce(money.spend_with_cost, 0)) * coalesce($gross_margin, 0)
                    else 0
                end
            )::decimal(28, 8)
        ) as margin
    from customer_day
    cross join company_margin
    cross join extraction
    left join customer_day_money as money
        on customer_day.customer_id = money.customer_id and customer_day.order_date = money.order_date
    where customer_day.order_date < extraction.as_of
    group by customer_day.customer_id
)

select
    known.customer_id,
    known.spend::decimal(18, 2) as spend,
    known.margin::decimal(18, 2) as margin,
    case
        when known.spend > 0 and company_margin.credibility_spend is not null
            then (known.margin::double + company_margin.credibility_spend::double * company_margin.margin_rate)
                / (known.spend::double + company_margin.credibility_spend::double)
        else company_margin.margin_rate
    end as margin_rate
from known
cross join company_margin
where known.spend is not null
order by known.customer_id
