-- One row per (as_of, customer_id): customers known strictly before as_of who may be profiled.
-- The population is defined only here; training cutoffs take a fixed share of the customers, scoring takes all.
with cutoffs as (select * from features.cutoffs),

customers as (select * from clean.customers where has_profiling_consent)

select
    cutoffs.as_of,
    cutoffs.role,
    customers.customer_id
from cutoffs
inner join customers on customers.first_seen_date < cutoffs.as_of
where md5_number(customers.customer_id) % 10000 < cutoffs.customers_per_10000
order by cutoffs.as_of, customers.customer_id
