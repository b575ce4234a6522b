-- One row: the run of this bundle, with its data, model and totals.
with run as (select * from scores.run),

customer_scores as (select * from scores.customer_scores),

dispositions as (select * from clean.dispositions),

night as (select * from quality.night),

company_margin as (select * from features.company_margin)

select
    run.run_id,
    run.contract_version,
    run.source_name,
    run.as_of as as_of_date,
    run.scored_at,
    run.currency,
    run.time_zone,
    run.primary_horizon_days,
    $lifetime_days::integer as lifetime_days,
    run.model_version,
    (select count(*) from customer_scores) as customers,
    (select sum(primary_spend) from customer_scores)::decimal(18, 2) as predicted_spend_total,
    run.predicted_total_low as predicted_spend_total_low,
    run.predicted_total_high as predicted_spend_total_high,
    (select (max(primary_spend) / nullif(sum(primary_spend), 0))::decimal(5, 4) from customer_scores)
        as largest_customer_share,
    run.average_spend as average_predicted_spend,
    run.reasons_fidelity,
    run.season_factor,
    run.carried_factor,
    run.basis,
    run.ranking,
    run.trailing_spend_total,
    company_margin.margin_source,
    company_margin.covered_share as margin_covered_share,
    company_margin.margin_rate::decimal(7, 4) as margin_rate,
    (select coalesce(sum(row_count), 0) from dispositions where disposition = 'quarantined')::bigint as quarantined_rows,
    run.as_of - (select max(value) from night where measure = 'days_since_newest_order')::integer as newest_order_date,
    exists (select 1 from night where measure = 'is_stale') as is_stale,
    (select coalesce(string_agg(subject, ', ' order by subject), '') from night where measure = 'acknowledged')
        as acknowledged_checks,
    run.data_fingerprint
from run
left join company_margin on true
