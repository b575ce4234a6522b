-- One row per customer whose predicted spend changed since the published night before: the change, split by cause.
-- The parts add up to the change, to the cent. A part is what the prediction changes by when one more thing is known; the
-- order is that of the columns.
with score_changes as (select * from scores.score_changes),

run as (select * from scores.run),

measured as (
    select
        score_changes.*,
        score_changes.predicted_spend - score_changes.previous_spend as change,
        case score_changes.main_cause
            when 'time_passed' then score_changes.time_passed
            when 'new_orders' then score_changes.new_orders
            when 'returns' then score_changes.returns
            when 'web' then score_changes.web
            when 'survey' then score_changes.survey
            when 'social' then score_changes.social
            when 'campaigns' then score_changes.campaigns
            when 'corrections' then score_changes.corrections
            when 'model' then score_changes.model
            when 'level_and_season' then score_changes.level_and_season
            when 'settings' then score_changes.settings
            else score_changes.not_split
        end as main_part
    from score_changes
)

select
    measured.customer_id,
    measured.previous_date as previous_as_of_date,
    measured.previous_spend as previous_predicted_spend,
    measured.predicted_spend,
    measured.change::decimal(18, 2) as change,
    measured.time_passed,
    measured.new_orders,
    measured.returns,
    measured.web,
    measured.survey,
    measured.social,
    measured.campaigns,
    measured.corrections,
    measured.model,
    measured.level_and_season,
    measured.settings,
    measured.not_split,
    measured.main_cause,
    case when measured.change < 0 then '-' else '+' end || format('{:,.2f}', abs(measured.change)::double) || ' '
    || run.currency || ', mainly ' || replace(measured.main_cause, '_', ' ') || ' ('
    || case when measured.main_part < 0 then '-' else '+' end || format('{:,.2f}', abs(measured.main_part)::double)
    || ')' as text,
    run.currency
from measured
cross join run
order by measured.customer_id
