-- One row per (as_of, customer_id) in the CRM before as_of: only what does not change once it is entered.
-- A CRM table shows today's state: tier, consent or region at a past cutoff is unknown, and a record's change
-- after the cutoff would itself leak the future, so none of that is a feature. Age and gender are never features.
with population as (
    select * from features.population where as_of between $first_cutoff and $last_cutoff
),

customers as (select * from clean.customers where has_crm_record)

select
    population.as_of,
    population.customer_id,
    date_diff('day', customers.created_date, population.as_of) as crm_age_days,
    customers.country as crm_country,
    customers.acquisition_channel as crm_acquisition_channel,
    customers.acquisition_cost as crm_acquisition_cost
from population
inner join customers
    on population.customer_id = customers.customer_id and customers.created_date < population.as_of
order by population.as_of, population.customer_id
