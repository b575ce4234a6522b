-- One row: the company's margin before as_of, where it is known from, and how far a customer's own margin is believed.
-- The margin of a line is amount - cost; of a line without a cost it is amount x gross_margin, and unknown without that setting.
-- is_complete: the margin of every line is known.
-- credibility_spend is the spend on which a customer's own rate counts as much as the company's: the variance of the rate from day to
-- day over its variance between customers (Buehlmann and Straub 1970). Null: customers do not differ beyond chance, or nobody bought on
-- two days; then the company's rate is everybody's. No customer's rate is in here: see customer_margins.
with customer_day as (select * from features.customer_day),

customer_day_money as (select * from features.customer_day_money),

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
known as (
    select
        customer_day.customer_id,
        case when sources.margin_source = 'mixed' then customer_day.net_spend else money.spend_with_cost end as spend,
        (
            coalesce(money.spend_with_cost - money.cost, 0)
            + case
                when sources.margin_source = 'mixed'
                    then (customer_day.net_spend - coalesce(money.spend_with_cost, 0)) * coalesce($gross_margin, 0)
                else 0
            end
        )::decimal(28, 8) as margin
    from customer_day
    cross join sources
    cross join extraction
    left join customer_day_money as money
        on customer_day.customer_id = money.customer_id and customer_day.order_date = money.order_date
    where
        sources.margin_source in ('cost', 'mixed') and customer_day.order_date < extraction.as_of
        and (sources.margin_source = 'mixed' or money.spend_with_cost is not null)
),

totals as (select sum(margin) / nullif(sum(spend), 0) as margin_rate from known),

-- the rate of a day with more returns than sales says nothing; squares are rounded, so that sums do not depend on their order
days as (
    select *, (margin::double * margin::double / spend::double)::decimal(38, 8) as square
    from known
    where spend > 0
),

customers as (
    select customer_id, count(*) as days, sum(spend) as spend, sum(margin) as margin, sum(square) as squares
    from days
    group by customer_id
),

squared as (
    select
        *,
        (margin::double * margin::double / spend::double)::decimal(38, 8) as own_square,
        (spend::double * spend::double)::decimal(38, 4) as squared_spend
    from customers
),

summed as (
    select
        count(*) as customers,
        sum(days - 1) as freedom,
        sum(spend) as spend,
        sum(squared_spend) as squared_spend,
        sum(margin) as margin,
        sum(squares - own_square) as within,
        sum(own_square) as own_squares
    from squared
),

sums as (
    select
        customers,
        freedom,
        spend::double as spend,
        squared_spend::double as squared_spend,
        margin::double as margin,
        within::double as within,
        own_squares::double as own_squares
    from summed
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
