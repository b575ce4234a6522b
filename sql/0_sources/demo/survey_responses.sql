-- One row per survey response; responses never change once given.
select
    cast(feedback_id as text) as response_id,
    customer_no as customer_id,
    given_ts as responded_at,
    recommend_score as nps_score,
    stars as csat_score
from feedback
where given_ts >= :since
