-- One row per (as_of_date, horizon_days): the predicted total of every published night, with its 90 % interval, as it was
-- published. It is no forecast of revenue: it covers the customers who were known that night, and nobody who came later.
with night_totals as (select * from scores.night_totals),

tonight_totals as (select * from scores.tonight_totals),

customer_scores as (select * from scores.customer_scores),

customer_clv_history as (select * from published.customer_clv_history),

run as (select * from scores.run),

in_history as (
    select as_of_date, horizon_days, count(*) as customers_in_history
    from customer_clv_history
    group by as_of_date, horizon_days
),

all_nights as (
    select
        night_totals.as_of_date,
        night_totals.horizon_days,
        night_totals.customers,
        night_totals.predicted_spend,
        night_totals.predicted_spend_low,
        night_totals.predicted_spend_high,
        night_totals.season_factor,
        night_totals.carried_factor,
        night_totals.basis,
        night_totals.currency,
        night_totals.model_version,
        night_totals.run_id,
        night_totals.scored_at,
        night_totals.segment_definition
    from night_totals
    cross join run
    where night_totals.as_of_date <> run.as_of
    union all
    select
        run.as_of,
        tonight_totals.horizon_days,
        (select count(*) from customer_scores),
        tonight_totals.predicted_spend,
        tonight_totals.predicted_spend_low,
        tonight_totals.predicted_spend_high,
        tonight_totals.season_factor,
        tonight_totals.carried_factor,
        tonight_totals.basis,
        run.currency,
        run.model_version,
        run.run_id,
        run.scored_at,
        $segment_definition
    from tonight_totals
    cross join run
)

select
    all_nights.as_of_date,
    all_nights.horizon_days,
    all_nights.customers,
    all_nights.predicted_spend,
    all_nights.predicted_spend_low,
    all_nights.predicted_spend_high,
    all_nights.season_factor,
    all_nights.carried_factor,
    all_nights.basis,
    coalesce(in_history.customers_in_history, 0) as customers_in_history,
    all_nights.currency,
    all_nights.model_version,
    all_nights.run_id,
    all_nights.scored_at,
    all_nights.segment_definition
from all_nights
left join in_history
    on all_nights.as_of_date = in_history.as_of_date and all_nights.horizon_days = in_history.horizon_days
order by all_nights.as_of_date, all_nights.horizon_days
