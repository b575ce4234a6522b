-- One row per (what makes a customer one of the best, attribute, value): what the best 10 % were like at the first order.
-- Only what was known at or before the first order is compared, so nothing here looks ahead. A ratio above 1 says that the best
-- customers had the value more often than others; it does not say that the value made them so, nor that more such customers would be.
with customer_clv as (select * from published.customer_clv),

customer_day as (select * from features.customer_day),

customers as (select * from clean.customers),

web_sessions as (select * from clean.web_sessions where customer_id is not null),

campaign_touches as (select * from clean.campaign_touches where customer_id is not null),

spend_variance as (select * from scores.spend_variance),

run as (select * from scores.run),

days as (
    select customer_day.*, run.as_of
    from customer_day
    inner join customer_clv on customer_day.customer_id = customer_clv.customer_id
    cross join run
    where customer_day.order_date < run.as_of
),

-- not the very first day: one order with a wrong date would move it by years
data_start as (select quantile_disc(order_date, 0.001) as start_date from days where is_purchase_day),

firsts as (
    select
        days.customer_id,
        min(days.order_date) as first_date,
        date_trunc('month', min(days.order_date)) < any_value(data_start.start_date) + $left_censored_days::integer
            as is_left_censored
    from days
    cross join data_start
    where days.is_purchase_day
    group by days.customer_id
),

kept as (
    select *, count(case when not is_left_censored then 1 end) over () < $fewest_customers as is_with_left_censored
    from firsts
    qualify not is_left_censored or is_with_left_censored
),

first_days as (
    select
        kept.customer_id,
        kept.first_date,
        kept.is_with_left_censored,
        days.gross_spend,
        days.lines,
        days.main_category,
        days.main_channel
    from kept
    inner join days on kept.customer_id = days.customer_id and kept.first_date = days.order_date
),

quarters as (
    select
        quantile_disc(gross_spend, 0.25) as first_quarter,
        quantile_disc(gross_spend, 0.50) as second_quarter,
        quantile_disc(gross_spend, 0.75) as third_quarter
    from first_days
),

visits as (
    select distinct web_sessions.customer_id
    from web_sessions
    inner join first_days on web_sessions.customer_id = first_days.customer_id
    where web_sessions.session_date < first_days.first_date
),

contacts as (
    select distinct campaign_touches.customer_id
    from campaign_touches
    inner join first_days on campaign_touches.customer_id = first_days.customer_id
    where campaign_touches.touch_date < first_days.first_date
),

described as (
    select
        first_days.customer_id,
        unnest([
            ('acquisition_channel', customers.acquisition_channel),
            ('country', customers.country),
            ('first_order_channel', first_days.main_channel),
            ('first_category', first_days.main_category),
            (
                'first_order_value',
                case
                    when first_days.gross_spend <= quarters.first_quarter then '1: up to ' || quarters.first_quarter
                    when first_days.gross_spend <= quarters.second_quarter then '2: up to ' || quarters.second_quarter
                    when first_days.gross_spend <= quarters.third_quarter then '3: up to ' || quarters.third_quarter
                    else '4: above ' || quarters.third_quarter
                end
            ),
            (
                'first_order_lines',
                case
                    when first_days.lines = 1 then '1'
                    when first_days.lines <= 3 then '2 to 3'
                    when first_days.lines <= 9 then '4 to 9'
                    else '10 or more'
                end
            ),
            ('first_order_month', strftime(first_days.first_date, '%m %B')),
            ('first_order_weekday', strftime(first_days.first_date, '%u %A')),
            (
                'visited_before_first_order',
                case
                    when visits.customer_id is not null then 'yes'
                    when (select count(*) from web_sessions) > 0 then 'no'
                end
            ),
            (
                'contacted_before_first_order',
                case
                    when contacts.customer_id is not null then 'yes'
                    when (select count(*) from campaign_touches) > 0 then 'no'
                end
            )
        ]) as pair
    from first_days
    cross join quarters
    left join customers on first_days.customer_id = customers.customer_id
    left join visits on first_days.customer_id = visits.customer_id
    left join contacts on first_days.customer_id = contacts.customer_id
),

attributes as (
    select customer_id, pair[1] as attribute, pair[2] as group_name
    from described
    where not list_contains($denied_attributes, pair[1])
),

-- spend after the first day, so that a large first order does not count as its own consequence
first_years as (
    select
        first_days.customer_id,
        sum(case when days.order_date > first_days.first_date then days.net_spend else 0 end) as spend
    from first_days
    inner join days
        on first_days.customer_id = days.customer_id
        and days.order_date between first_days.first_date and first_days.first_date + 364
    where first_days.first_date + 365 <= days.as_of
    group by first_days.customer_id
),

outcomes as (
    select 'predicted_spend' as best_by, first_days.customer_id, spend_variance.predicted_spend as spend
    from first_days
    inner join spend_variance on first_days.customer_id = spend_variance.customer_id
    union all
    select 'spend_in_first_year', customer_id, spend
    from first_years
),

limits as (select best_by, quantile_cont(spend, 0.9) as limit_of_best from outcomes group by best_by),

ranked as (
    select outcomes.best_by, outcomes.customer_id, outcomes.spend > limits.limit_of_best as is_best
    from outcomes
    inner join limits on outcomes.best_by = limits.best_by
),

sizes as (
    select
        best_by,
        count(case when is_best then 1 end) as best_customers,
        count(case when not is_best then 1 end) as other_customers
    from ranked
    group by best_by
),

valued as (
    select
        ranked.best_by,
        ranked.is_best,
        attributes.attribute,
        attributes.group_name,
        count(attributes.group_name) over (partition by ranked.best_by, attributes.attribute) as customers_known,
        count(*) over (partition by ranked.best_by, attributes.attribute, attributes.group_name) as support
    from ranked
    inner join attributes on ranked.customer_id = attributes.customer_id
),

kinds as (
    select
        best_by,
        attribute,
        is_best,
        case
            when support < $smallest_support then 'other'
            when group_name is null then 'unknown'
            else 'value'
        end as row_kind,
        case when support >= $smallest_support then group_name end as group_name
    from valued
    where customers_known > 0
),

counts as (
    select
        best_by,
        attribute,
        row_kind,
        group_name,
        count(*) as customers,
        count(case when is_best then 1 end) as best
    from kinds
    group by best_by, attribute, row_kind, group_name
),

-- half a customer is added to every count (Walter 1975), so that a value that no best customer has can be compared too
compared as (
    select
        counts.*,
        sizes.best_customers,
        sizes.other_customers,
        count(*) over (partition by counts.best_by) as comparisons,
        ln((counts.best + 0.5) / (sizes.best_customers + 0.5))
        - ln((counts.customers - counts.best + 0.5) / (sizes.other_customers + 0.5)) as log_ratio,
        sqrt(
            1 / (counts.best + 0.5) - 1 / (sizes.best_customers + 0.5)
            + 1 / (counts.customers - counts.best + 0.5) - 1 / (sizes.other_customers + 0.5)
        ) as standard_error
    from counts
    inner join sizes on counts.best_by = sizes.best_by
)

select
    compared.best_by,
    compared.attribute,
    row_number() over (
        partition by compared.best_by, compared.attribute order by compared.row_kind desc, compared.group_name
    ) as position,
    compared.row_kind,
    compared.group_name,
    compared.customers,
    compared.best as best_customers,
    (compared.best / nullif(compared.best_customers, 0))::decimal(5, 4) as share_of_best,
    ((compared.customers - compared.best) / nullif(compared.other_customers, 0))::decimal(5, 4) as share_of_others,
    try_cast(exp(compared.log_ratio) as decimal(9, 3)) as ratio,
    try_cast(exp(compared.log_ratio - $z90 * compared.standard_error) as decimal(9, 3)) as ratio_low,
    try_cast(exp(compared.log_ratio + $z90 * compared.standard_error) as decimal(9, 3)) as ratio_high,
    compared.comparisons,
    -- a bound of the normal distribution, so that all comparisons together are wrong in at most 1 of 10 companies without differences
    coalesce(abs(compared.log_ratio) > sqrt(2 * ln(compared.comparisons / 0.1)) * nullif(compared.standard_error, 0), false)
    and compared.row_kind = 'value' as is_clear,
    kept_all.is_with_left_censored,
    run.primary_horizon_days as horizon_days,
    run.currency
from compared
cross join run
cross join (select coalesce(bool_or(is_with_left_censored), false) as is_with_left_censored from kept) as kept_all
where compared.best_customers > 0
order by compared.best_by, compared.attribute, position
