-- One row per (month of the first purchase, age in days): lens 4 of the customer base, cohorts compared at the same age.
-- Every figure is null until the youngest customer of the cohort is that old, so no cohort looks worse because it is younger.
-- A month within the first 180 days of the data is left censored: part of its customers bought before the data began.
with customer_clv as (select * from published.customer_clv),

customer_day as (select * from features.customer_day),

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
        min(days.order_date) as first_purchase_date,
        date_trunc('month', min(days.order_date))::date as cohort_month_date,
        date_trunc('month', min(days.order_date))::date < any_value(data_start.start_date) + $left_censored_days::integer
            as is_left_censored
    from days
    cross join data_start
    where days.is_purchase_day
    group by days.customer_id
),

ages as (select unnest([30, 90, 180, 365]) as age_days),

of_customers as (
    select
        ages.age_days,
        firsts.customer_id,
        any_value(firsts.first_purchase_date) as first_purchase_date,
        any_value(firsts.cohort_month_date) as cohort_month_date,
        any_value(firsts.is_left_censored) as is_left_censored,
        sum(days.net_spend) as net_spend,
        sum(days.orders) as orders,
        count(case when days.is_purchase_day then 1 end) > 1 as is_repeat
    from firsts
    cross join ages
    inner join days
        on firsts.customer_id = days.customer_id
        and days.order_date >= firsts.first_purchase_date
        and days.order_date < firsts.first_purchase_date + ages.age_days
    group by ages.age_days, firsts.customer_id
),

sized as (
    select *, count(*) over (partition by age_days, cohort_month_date) < $smallest_cell as is_small
    from of_customers
),

placed as (
    select
        *,
        case when not is_small then cohort_month_date end as shown_month_date,
        row_number() over (
            partition by age_days, is_small, case when not is_small then cohort_month_date end
            order by net_spend, customer_id
        ) as place,
        count(*) over (partition by age_days, is_small, case when not is_small then cohort_month_date end) as counted
    from sized
),

cohorts as (
    select
        placed.age_days,
        placed.is_small,
        placed.shown_month_date as cohort_month_date,
        bool_or(placed.is_left_censored) as is_left_censored,
        max(placed.first_purchase_date) + placed.age_days <= any_value(run.as_of) as is_complete,
        count(*) as customers,
        sum(placed.net_spend) as net_spend,
        median(placed.net_spend) as median_spend,
        -- the ranks between which the median of so many lies in at least 90 of 100 samples. A mean has no interval here: on retail
        -- spend the usual one covered 67 to 71 of 100 samples of 76 to 250 customers
        min(
            case when placed.place >= floor((placed.counted + 1) / 2 - $z90 * sqrt(placed.counted) / 2) then placed.net_spend end
        ) as median_low,
        max(
            case
                when placed.counted + 1 - placed.place >= floor((placed.counted + 1) / 2 - $z90 * sqrt(placed.counted) / 2)
                    then placed.net_spend
            end
        ) as median_high,
        sum(placed.orders) as orders,
        count(case when placed.is_repeat then 1 end) / count(*) as repeat_share
    from placed
    cross join run
    group by placed.age_days, placed.is_small, placed.shown_month_date
),

usual as (
    select age_days, sum(net_spend) / sum(customers) as spend_per_customer
    from cohorts
    where is_complete and not is_left_censored and not is_small
    group by age_days
),

-- of the ends of a Wilson interval
shares as (
    select
        *,
        (repeat_share + $z90 * $z90 / (2 * customers)) / (1 + $z90 * $z90 / customers) as middle,
        $z90 * sqrt(repeat_share * (1 - repeat_share) / customers + $z90 * $z90 / (4 * customers * customers))
        / (1 + $z90 * $z90 / customers) as half_width
    from cohorts
)

select
    row_number() over (partition by shares.age_days order by shares.is_small, shares.cohort_month_date) as position,
    shares.age_days,
    case when shares.is_small then 'other' else 'cohort' end as row_kind,
    shares.cohort_month_date,
    shares.customers,
    shares.is_complete,
    shares.is_left_censored,
    case when shares.is_complete then shares.net_spend end::decimal(18, 2) as net_spend,
    case when shares.is_complete then shares.net_spend / shares.customers end::decimal(18, 2) as spend_per_customer,
    usual.spend_per_customer::decimal(18, 2) as usual_spend_per_customer,
    case when shares.is_complete then shares.median_spend end::decimal(18, 2) as median_spend,
    case when shares.is_complete then shares.median_low end::decimal(18, 2) as median_spend_low,
    case when shares.is_complete then shares.median_high end::decimal(18, 2) as median_spend_high,
    case when shares.is_complete then shares.orders / shares.customers end::decimal(18, 2) as orders_per_customer,
    case when shares.is_complete then shares.repeat_share end::decimal(5, 4) as repeat_share,
    case when shares.is_complete then greatest(shares.middle - shares.half_width, 0) end::decimal(5, 4) as repeat_share_low,
    case when shares.is_complete then least(shares.middle + shares.half_width, 1) end::decimal(5, 4) as repeat_share_high,
    run.currency
from shares
cross join run
left join usual on shares.age_days = usual.age_days
order by shares.age_days, position
