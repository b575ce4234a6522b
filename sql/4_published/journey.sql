-- One row per (step, days allowed): the way from the first visit to the fifth order, who takes the next step, and how fast.
-- Shares are of customers who have had all the days allowed since the step: who is later is not counted as lost. Customers who may have
-- visited or bought before the data began are left out, unless hardly any others are there.
with customer_clv as (select * from published.customer_clv),

customer_day as (select * from features.customer_day),

web_sessions as (select * from clean.web_sessions),

run as (select * from scores.run),

purchases as (
    select
        customer_day.customer_id,
        customer_day.order_date,
        row_number() over (partition by customer_day.customer_id order by customer_day.order_date) as number
    from customer_day
    inner join customer_clv on customer_day.customer_id = customer_clv.customer_id
    cross join run
    where customer_day.is_purchase_day and customer_day.order_date < run.as_of
),

first_visits as (
    select web_sessions.customer_id, min(web_sessions.session_date) as visit_date
    from web_sessions
    inner join customer_clv on web_sessions.customer_id = customer_clv.customer_id
    cross join run
    where web_sessions.session_date < run.as_of
    group by web_sessions.customer_id
),

-- not the very first day: one order with a wrong date would move it by years
data_start as (select quantile_disc(order_date, 0.001) as start_date from purchases),

firsts as (
    select
        purchases.customer_id,
        date_trunc('month', purchases.order_date) < data_start.start_date + $left_censored_days::integer as is_left_censored
    from purchases
    cross join data_start
    where purchases.number = 1
),

kept as (
    select customer_id, count(case when not is_left_censored then 1 end) over () < $fewest_customers as is_with_left_censored
    from firsts
    qualify not is_left_censored or is_with_left_censored
),

visits_start as (select quantile_disc(visit_date, 0.001) as start_date from first_visits),

visited as (
    select
        first_visits.visit_date,
        purchases.order_date as next_date,
        date_trunc('month', first_visits.visit_date) < visits_start.start_date + $left_censored_days::integer
            as is_left_censored
    from first_visits
    cross join visits_start
    left join purchases on first_visits.customer_id = purchases.customer_id and purchases.number = 1
    -- a visit after the first order is not the beginning of the way
    where purchases.order_date is null or first_visits.visit_date <= purchases.order_date
),

visitors as (
    select *, count(case when not is_left_censored then 1 end) over () < $fewest_customers as is_with_left_censored
    from visited
    qualify not is_left_censored or is_with_left_censored
),

taken as (
    select 1 as position, 'first_visit' as step, is_with_left_censored, visit_date as step_date, next_date
    from visitors
    union all
    select
        purchases.number + 1,
        'order_' || purchases.number,
        kept.is_with_left_censored,
        purchases.order_date,
        lead(purchases.order_date) over (partition by purchases.customer_id order by purchases.number)
    from purchases
    inner join kept on purchases.customer_id = kept.customer_id
    qualify purchases.number <= 5
),

allowed as (select unnest([30, 90, 180, 365]) as within_days),

timed as (
    select
        taken.*,
        allowed.within_days,
        taken.step_date + allowed.within_days <= run.as_of as is_old_enough,
        date_diff('day', taken.step_date, taken.next_date) as days,
        coalesce(date_diff('day', taken.step_date, taken.next_date) < allowed.within_days, false) as is_reached
    from taken
    cross join allowed
    cross join run
),

ordered as (
    select
        *,
        is_old_enough and is_reached as is_counted,
        row_number() over (partition by position, within_days, is_old_enough and is_reached order by days) as place,
        count(*) over (partition by position, within_days, is_old_enough and is_reached) as counted
    from timed
),

steps as (
    select
        position,
        step,
        within_days,
        bool_or(is_with_left_censored) as is_with_left_censored,
        count(*) as customers,
        count(next_date) as customers_so_far,
        count(case when is_old_enough then 1 end) as customers_old_enough,
        count(case when is_counted then 1 end) as customers_reached,
        median(case when is_counted then days end) as median_days,
        -- the ranks between which the median of so many lies in at least 90 of 100 samples, whatever the distribution
        min(case when is_counted and place >= floor((counted + 1) / 2 - $z90 * sqrt(counted) / 2) then days end)
            as median_days_low,
        max(case when is_counted and counted + 1 - place >= floor((counted + 1) / 2 - $z90 * sqrt(counted) / 2) then days end)
            as median_days_high
    from ordered
    group by position, step, within_days
),

shares as (
    select
        *,
        customers_reached / nullif(customers_old_enough, 0) as share,
        (customers_reached + $z90 * $z90 / 2) / (customers_old_enough + $z90 * $z90) as middle,
        $z90 * sqrt(
            customers_reached * (customers_old_enough - customers_reached) / nullif(customers_old_enough, 0) + $z90 * $z90 / 4
        ) / (customers_old_enough + $z90 * $z90) as half_width
    from steps
)

select
    position::integer as position,
    within_days,
    step,
    case when step = 'first_visit' then 'order_1' else 'order_' || position end as next_step,
    customers,
    customers_so_far,
    customers_old_enough,
    case when customers_old_enough >= $smallest_cell then customers_reached end as customers_reached,
    case when customers_old_enough >= $smallest_cell then share end::decimal(5, 4) as reached_share,
    case when customers_old_enough >= $smallest_cell then greatest(middle - half_width, 0) end::decimal(5, 4)
        as reached_share_low,
    case when customers_old_enough >= $smallest_cell then least(middle + half_width, 1) end::decimal(5, 4)
        as reached_share_high,
    case when customers_reached >= $smallest_support then median_days end::decimal(9, 1) as median_days,
    case when customers_reached >= $smallest_support then median_days_low end::integer as median_days_low,
    case when customers_reached >= $smallest_support then median_days_high end::integer as median_days_high,
    is_with_left_censored
from shares
where customers >= $smallest_cell
order by position, within_days
