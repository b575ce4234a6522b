-- One row per (customer_id, as_of_date, horizon_days): every score ever published, as it was published.
-- Customers who withdrew their consent are in it no more.
with score_history as (select * from scores.history),

refused as (select customer_id from clean.customers where not has_profiling_consent)

select *
from score_history
where customer_id not in (select customer_id from refused)
order by as_of_date, customer_id, horizon_days
