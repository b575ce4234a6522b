-- One row per (customer_id, as_of_date, horizon_days): every score ever published, as it was published.
with score_history as (select * from scores.history)

select *
from score_history
order by as_of_date, customer_id, horizon_days
