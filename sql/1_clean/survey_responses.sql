-- One row per survey response of a customer, dated in the business time zone; impossible scores are quarantined.
with survey_responses as (select * from raw.survey_responses),

customer_identities as (select * from clean.customer_identities),

extraction as (select as_of from raw.extraction),

judged as (
    select
        survey_responses.*,
        timezone($time_zone, responded_at)::date as response_date,
        case
            when unusable_key is not null then unusable_key
            when excluded_because is not null then 'excluded_by_rule'
            when response_id is null then 'missing_response_id'
            when customer_id is null then 'missing_customer_id'
            when responded_at is null then 'unreadable_responded_at'
            when timezone($time_zone, responded_at)::date < $earliest_date then 'early_responded_at'
            when timezone($time_zone, responded_at)::date >= extraction.as_of then 'on_or_after_as_of'
            when nps_score not between 0 and 10 then 'out_of_range_nps_score'
            when csat_score not between 1 and 5 then 'out_of_range_csat_score'
            when row_number() over (partition by response_id order by responded_at desc nulls last, row_hash) > 1
                then 'delivered_twice'
        end as reason
    from survey_responses
    cross join extraction
)

select
    judged.response_id,
    coalesce(customer_identities.surviving_customer_id, judged.customer_id) as customer_id,
    judged.responded_at,
    judged.response_date,
    judged.nps_score,
    judged.csat_score,
    judged.excluded_because,
    judged.reason
from judged
left join customer_identities on judged.customer_id = customer_identities.customer_id
order by judged.response_date, judged.response_id, judged.row_hash
