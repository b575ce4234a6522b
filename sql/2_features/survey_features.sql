-- One row per (as_of, customer_id) with any survey response before as_of: latest score, average, change.
with population as (
    select * from features.population where as_of between $first_cutoff and $last_cutoff
),

survey_responses as (select * from clean.survey_responses),

responses as (
    select
        population.as_of,
        date_diff('day', survey_responses.response_date, population.as_of) as age,
        survey_responses.*
    from population
    inner join survey_responses
        on population.customer_id = survey_responses.customer_id and survey_responses.response_date < population.as_of
)

select
    as_of,
    customer_id,
    min(age) as survey_recency_days,
    count(*) as survey_responses,
    max_by(nps_score, (responded_at, response_id)) as survey_last_nps,
    avg(nps_score) as survey_mean_nps,
    max_by(nps_score, (responded_at, response_id)) - avg(nps_score) as survey_nps_change,
    min(nps_score) as survey_lowest_nps,
    max_by(csat_score, (responded_at, response_id)) as survey_last_csat,
    avg(csat_score) as survey_mean_csat
from responses
group by as_of, customer_id
order by as_of, customer_id
