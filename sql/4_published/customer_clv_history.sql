-- One row per (customer_id, as_of_date, horizon_days): every score ever published, as it was published.
-- Customers who withdrew their consent are in it no more.
with score_history as (select * from scores.history),

refused as (select customer_id from clean.customers where not has_profiling_consent)

select score_history.*
from score_history
left join refused on score_history.customer_id = refused.customer_id
where refused.customer_id is null
order by score_history.as_of_date, score_history.customer_id, score_history.horizon_days
