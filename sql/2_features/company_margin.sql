-- One row: the company's margin before as_of, where it is known from, and how far a customer's own margin is believed.
-- The margin of a line is amount - cost; of a line without a cost it is amount x gross_margin, and unknown without that setting.
-- is_complete: the margin of every line is known.
-- credibility_spend is the spend on which a customer's own rate counts as much as the company's: the variance of the rate from day to
-- day over its variance between customers (Buehlmann and Straub 1970). Null: customers do not differ beyond chance, or nobody bought on
-- two days; then the company's rate is everybody's. No customer's rate is in here: see customer_margins.
with customer_day as (select * from features.customer_day),

orders as (select * from clean.orders),

extraction as (select as_of from raw.extraction),

lines as (
    select
        coalesce(sum(abs(amount)), 0) as turnover,
        coalesce(sum(case when cost is not null then abs(amount) end), 0) as turnover_with_cost,
        count(cost) as lines_with_cost,
        count(*) as lines
    from orders
),

sources as (
    select
        case
            when lines_with_cost > 0 and (lines_with_cost = lines or $gross_margin is null) then 'cost'
            when lines_with_cost > 0 then 'mixed'
            when $gross_margin is not null then 'gross_margin'
            else 'none'
        end as margin_source,
        (turnover_with_cost / nullif(turnover, 0))::decimal(5, 4) as covered_share,
        $gross_margin is not null or (lines_with_cost > 0 and turnover_with_cost = turnover) as is_complete
    from lines
),

-- what is known of a day; nothing where no line has a cost
days as (
    select
        customer_day.customer_id,
        case when sources.margin_source = 'mixed' then customer_day.net_spend else customer_day.spend_with_cost end as spend,
        (
            coalesce(customer_day.spend_with_cost - customer_day.cost, 0)
            + case
                when sources.margin_source = 'mixed'
                    then (customer_day.net_spend - coalesce(customer_day.spend_with_cost, 0)) * coalesce($gross_margin, 0)
                else 0
            end
        )::decimal(28, 8) as margin
    from customer_day
    cross join sources
    cross join extraction
    where
        sources.margin_source in ('cost', 'mixed') and customer_day.order_date < extraction.as_of
        and (sources.margin_source = 'mixed' or customer_day.spend_with_cost is not null)
),

totals as (select sum(margin) / nullif(sum(spend), 0) as margin_rate from days),

-- rates of days with returns only say nothing; rounded, so that sums do not depend on their order
customers as (
    select
        customer_id,
        count(*) as days,
        sum(spend) as spend,
        sum(margin) as margin,
        sum((margin::double * margin::double / spend::double)::decimal(38, 8)) as squares,
        (sum(margin)::double * sum(margin)::double / sum(spend)::double)::decimal(38, 8) as own_squares
    from days
    where spend > 0
    group by customer_id
),

sums as (
    select
        count(*) as customers,
        sum(days - 1) as freedom,
        sum(spend)::double as spend,
        sum((spend::double * spend::double)::decimal(38, 4))::double as squared_spend,
        sum(margin)::double as margin,
        sum(squares - own_squares)::double as within,
        sum(own_squares)::double as own_squares
    from customers
),

variances as (
    select
        within / nullif(freedom, 0) as of_days,
        (own_squares - margin * margin / nullif(spend, 0) - (customers - 1) * within / nullif(freedom, 0))
        / nullif(spend - squared_spend / nullif(spend, 0), 0) as between_customers
    from sums
)

select
    sources.margin_source,
    sources.covered_share,
    sources.is_complete,
    case
        when sources.margin_source in ('cost', 'mixed') then coalesce(totals.margin_rate::double, $gross_margin)
        else $gross_margin
    end as margin_rate,
    case
        when variances.between_customers > 0
            then least(greatest(variances.of_days, 0) / variances.between_customers, 1e12)::decimal(18, 2)
    end as credibility_spend
from sources
cross join totals
cross join variances
