-- One row per eligible customer: predicted spend, past spend, segment, and reasons.
with customer_scores as (select * from scores.customer_scores),

customer_features as (select * from features.customer_features where role = 'score'),

btyd_features as (select * from features.btyd_features),

customers as (select * from clean.customers),

run as (select * from scores.run),

segment_thresholds as (select * from published.segment_thresholds),

score_history as (select * from scores.history),

thresholds as (
    select
        max(case when threshold = 'high_value_predicted_spend' then value end) as high_value,
        max(case when threshold = 'churn_risk_historic_value' then value end) as valuable_so_far,
        max(case when threshold = 'churn_risk_purchase_probability' then value end) as churn_probability,
        max(case when threshold = 'missed_opportunity_basket' then value end) as large_basket,
        max(case when threshold = 'value_tier_a' then value end) as tier_a,
        max(case when threshold = 'value_tier_b' then value end) as tier_b,
        max(case when threshold = 'value_tier_c' then value end) as tier_c
    from segment_thresholds
),

last_orders as (
    select customer_id, max(order_date) as last_order_date
    from features.customer_day
    where is_purchase_day and order_date < (select as_of from run)
    group by customer_id
),

facts as (
    select
        customer_scores.*,
        coalesce(customer_features.spend_total, 0)::decimal(18, 2) as historic_value,
        coalesce(customer_features.spend_365d, 0)::decimal(18, 2) as historic_value_365d,
        (
            greatest(coalesce(customer_features.btyd_lifetime_spend, 0), customer_scores.primary_spend::double)
            * $gross_margin
        )::decimal(18, 2) as lifetime_value,
        coalesce(customer_features.purchase_days, 0) as purchase_days,
        customer_features.monetary_value::decimal(18, 2) as average_purchase_value,
        customer_features.recency_days,
        btyd_features.btyd_probability_alive::decimal(5, 4) as probability_alive,
        btyd_features.expected_next_order_date,
        customer_features.tenure_days,
        coalesce(customer_features.purchase_days_90d, 0) = 0
        and (
            coalesce(customer_features.web_cart_additions_90d, 0) > 0
            or coalesce(customer_features.campaign_responses_90d, 0) > 0
        ) as is_interested_without_purchase
    from customer_scores
    left join customer_features using (customer_id)
    left join btyd_features
        on customer_scores.as_of = btyd_features.as_of and customer_scores.customer_id = btyd_features.customer_id
),

segmented as (
    select
        facts.*,
        case
            when score_status = 'no_purchase_yet' then 'prospect'
            when primary_spend >= high_value and primary_spend > 0 then 'high_value'
            when historic_value >= valuable_so_far and primary_probability < churn_probability then 'churn_risk'
            when average_purchase_value >= large_basket or is_interested_without_purchase then 'missed_opportunity'
            when tenure_days <= 90 then 'new_customer'
            when primary_probability >= churn_probability then 'steady'
            else 'dormant'
        end as segment,
        case
            when score_status = 'no_purchase_yet' then 'D'
            when primary_spend >= tier_a and primary_spend > 0 then 'A'
            when primary_spend >= tier_b and primary_spend > 0 then 'B'
            when primary_spend >= tier_c and primary_spend > 0 then 'C'
            else 'D'
        end as value_tier
    from facts
    cross join thresholds
),

-- updated_at moves only when a business value changed: otherwise it is copied from the row published before
previous as (
    select score_history.*
    from score_history
    cross join run
    where score_history.as_of_date < run.as_of and score_history.horizon_days = run.primary_horizon_days
    qualify row_number() over (partition by score_history.customer_id order by score_history.as_of_date desc) = 1
)

select
    segmented.customer_id,
    run.as_of as as_of_date,
    segmented.score_status,
    segmented.segment,
    segmented.value_tier,
    segmented.* exclude (
        as_of, customer_id, score_status, segment, value_tier, primary_spend, primary_probability, historic_value,
        historic_value_365d, lifetime_value, purchase_days, average_purchase_value, recency_days, tenure_days,
        probability_alive, expected_next_order_date,
        is_interested_without_purchase, reason_1, reason_2, reason_3, model_version
    ),
    segmented.lifetime_value,
    segmented.historic_value,
    segmented.historic_value_365d,
    segmented.purchase_days,
    segmented.average_purchase_value,
    customers.first_order_date,
    last_orders.last_order_date,
    segmented.recency_days,
    segmented.probability_alive,
    segmented.expected_next_order_date,
    customers.country,
    customers.acquisition_channel,
    customers.has_crm_record as is_in_crm,
    segmented.reason_1,
    segmented.reason_2,
    segmented.reason_3,
    run.currency,
    segmented.model_version,
    run.run_id,
    run.scored_at,
    case
        when previous.segment = segmented.segment
            and previous.value_tier = segmented.value_tier
            and previous.score_status = segmented.score_status
            and previous.predicted_spend = segmented.primary_spend
            and previous.purchase_probability = segmented.primary_probability
            and previous.historic_value = segmented.historic_value
            then previous.updated_at
        else run.scored_at
    end as updated_at
from segmented
cross join run
left join customers on segmented.customer_id = customers.customer_id
left join last_orders on segmented.customer_id = last_orders.customer_id
left join previous on segmented.customer_id = previous.customer_id
order by segmented.customer_id
