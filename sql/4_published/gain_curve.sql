-- One row per (horizon_days, position): how much of the spend in the newest tested window the customers reach who are ranked up to
-- here, of up to 100 groups of equal size and at least five customers. It is a test on a past window, not a forecast, and says
-- nothing about the size of the predictions: see prediction_outcomes.
with judged_windows as (select * from training.judged_windows),

customer_day as (select * from features.customer_day),

customers as (select * from clean.customers),

identities as (select * from clean.customer_identities),

run as (select * from scores.run),

newest as (
    select judged_windows.horizon_days, max(judged_windows.as_of_date) as as_of_date
    from judged_windows
    cross join run
    where judged_windows.as_of_date + judged_windows.horizon_days <= run.as_of
    group by judged_windows.horizon_days
),

-- a merged customer counts once, with the highest prediction; who withdrew consent does not count
persons as (
    select
        judged_windows.horizon_days,
        judged_windows.as_of_date,
        coalesce(identities.surviving_customer_id, judged_windows.customer_id) as person_id,
        max(judged_windows.predicted_spend) as predicted_spend,
        max(judged_windows.baseline_spend) as baseline_spend
    from judged_windows
    inner join newest
        on judged_windows.horizon_days = newest.horizon_days and judged_windows.as_of_date = newest.as_of_date
    left join identities on judged_windows.customer_id = identities.customer_id
    left join customers on coalesce(identities.surviving_customer_id, judged_windows.customer_id) = customers.customer_id
    where coalesce(customers.has_profiling_consent, true)
    group by
        judged_windows.horizon_days,
        judged_windows.as_of_date,
        coalesce(identities.surviving_customer_id, judged_windows.customer_id)
),

spent as (
    select newest.horizon_days, customer_day.customer_id, sum(customer_day.net_spend) as spend
    from newest
    inner join customer_day
        on customer_day.order_date >= newest.as_of_date
        and customer_day.order_date < newest.as_of_date + newest.horizon_days
    group by newest.horizon_days, customer_day.customer_id
),

results as (
    select
        persons.*,
        coalesce(spent.spend, 0)::decimal(18, 2) as actual_spend,
        row_number() over (
            partition by persons.horizon_days order by persons.predicted_spend desc, persons.person_id
        ) as predicted_rank,
        row_number() over (
            partition by persons.horizon_days order by persons.baseline_spend desc, persons.person_id
        ) as baseline_rank,
        row_number() over (
            partition by persons.horizon_days order by coalesce(spent.spend, 0) desc, persons.person_id
        ) as actual_rank
    from persons
    left join spent on persons.horizon_days = spent.horizon_days and persons.person_id = spent.customer_id
),

totals as (
    select horizon_days, any_value(as_of_date) as as_of_date, count(*) as customers, sum(actual_spend) as actual_spend
    from results
    group by horizon_days
),

positions as (
    select
        totals.*,
        positions.position,
        (totals.customers * positions.position // least(100, totals.customers // 5))::bigint as customers_to_here
    from totals
    cross join (select unnest(range(1, 101)) as position) as positions
    where positions.position <= least(100, totals.customers // 5)
),

reached as (
    select
        positions.horizon_days,
        positions.as_of_date,
        positions.position,
        positions.customers,
        positions.customers_to_here,
        positions.actual_spend,
        sum(results.actual_spend) filter (where results.predicted_rank <= positions.customers_to_here) as by_prediction,
        sum(results.actual_spend) filter (where results.baseline_rank <= positions.customers_to_here) as by_baseline,
        sum(results.actual_spend) filter (where results.actual_rank <= positions.customers_to_here) as at_best
    from positions
    inner join results on positions.horizon_days = results.horizon_days
    group by
        positions.horizon_days,
        positions.as_of_date,
        positions.position,
        positions.customers,
        positions.customers_to_here,
        positions.actual_spend
)

select
    reached.horizon_days,
    reached.position,
    reached.as_of_date as test_window_start_date,
    reached.customers_to_here,
    (reached.customers_to_here / reached.customers)::decimal(5, 4) as customer_share_to_here,
    reached.by_prediction::decimal(18, 2) as actual_spend_to_here,
    case when reached.actual_spend > 0 then (reached.by_prediction / reached.actual_spend)::decimal(9, 4) end as spend_share_to_here,
    case when reached.actual_spend > 0 then (reached.by_baseline / reached.actual_spend)::decimal(9, 4) end as baseline_share_to_here,
    case when reached.actual_spend > 0 then (reached.at_best / reached.actual_spend)::decimal(9, 4) end as best_share_to_here,
    run.currency
from reached
cross join run
order by reached.horizon_days, reached.position
