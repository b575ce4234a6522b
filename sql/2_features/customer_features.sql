-- One row per (as_of, customer_id) of the population: all feature families side by side, for training and scoring alike.
with population as (
    select * from features.population where as_of between $first_cutoff and $last_cutoff
),

purchase_features as (
    select * from features.purchase_features where as_of between $first_cutoff and $last_cutoff
),

btyd_features as (
    -- what is for readers only: the other quantities have the same information
    select * exclude (lifetime_purchases, lifetime_discount, expected_next_order_date)
    from features.btyd_features
    where as_of between $first_cutoff and $last_cutoff
),

web_features as (
    select * from features.web_features where as_of between $first_cutoff and $last_cutoff
),

survey_features as (
    select * from features.survey_features where as_of between $first_cutoff and $last_cutoff
),

social_features as (
    select * from features.social_features where as_of between $first_cutoff and $last_cutoff
),

campaign_features as (
    select * from features.campaign_features where as_of between $first_cutoff and $last_cutoff
),

crm_features as (
    select * from features.crm_features where as_of between $first_cutoff and $last_cutoff
)

select *
from population
left join purchase_features using (as_of, customer_id)
left join btyd_features using (as_of, customer_id)
left join web_features using (as_of, customer_id)
left join survey_features using (as_of, customer_id)
left join social_features using (as_of, customer_id)
left join campaign_features using (as_of, customer_id)
left join crm_features using (as_of, customer_id)
order by as_of, customer_id
