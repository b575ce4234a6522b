-- One row per eligible customer: predicted spend, past spend, segment, and reasons.
with customer_scores as (select * from scores.customer_scores),

customer_features as (select * from features.customer_features where role = 'score'),

btyd_features as (select * from features.btyd_features),

customers as (select * from clean.customers),

customer_margins as (select * from features.customer_margins),

company_margin as (select * from features.company_margin),

run as (select * from scores.run),

segment_thresholds as (select * from published.segment_thresholds),

customer_reasons as (select * from published.customer_reasons),

score_history as (select * from scores.history),

-- read on its own, as in score_change_summary.sql
nights as (select distinct as_of_date from scores.history),

thresholds as (
    select
        max(case when threshold = 'high_value_predicted_spend' then value end) as high_value,
        max(case when threshold = 'churn_risk_historic_value' then value end) as valuable_so_far,
        max(case when threshold = 'churn_risk_purchase_probability' then value end) as churn_probability,
        max(case when threshold = 'missed_opportunity_potential' then value end) as high_potential,
        max(case when threshold = 'recent_days' then value end) as recent_days,
        max(case when threshold = 'value_tier_a' then value end) as tier_a,
        max(case when threshold = 'value_tier_b' then value end) as tier_b,
        max(case when threshold = 'value_tier_c' then value end) as tier_c
    from segment_thresholds
),

reasons as (
    select
        customer_id,
        max(case when rank = 1 then text end) as reason_1,
        max(case when rank = 1 then driver end) as reason_1_driver,
        max(case when rank = 1 then effect end) as reason_1_effect,
        max(case when rank = 2 then text end) as reason_2,
        max(case when rank = 2 then driver end) as reason_2_driver,
        max(case when rank = 2 then effect end) as reason_2_effect,
        max(case when rank = 3 then text end) as reason_3,
        max(case when rank = 3 then driver end) as reason_3_driver,
        max(case when rank = 3 then effect end) as reason_3_effect
    from customer_reasons
    where rank <= 3
    group by customer_id
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
            customer_scores.lifetime_spend * customer_scores.lifetime_discount
            * coalesce(customer_margins.margin_rate, company_margin.margin_rate)
        )::decimal(18, 2) as lifetime_margin,
        coalesce(customer_features.purchase_days, 0) as purchase_days,
        customer_features.monetary_value::decimal(18, 2) as average_purchase_value,
        customer_features.recency_days,
        btyd_features.btyd_probability_alive::decimal(5, 4) as probability_alive,
        btyd_features.expected_next_order_date,
        customer_features.tenure_days
    from customer_scores
    left join customer_features using (customer_id)
    left join customer_margins on customer_scores.customer_id = customer_margins.customer_id
    left join company_margin on true
    left join btyd_features
        on customer_scores.as_of = btyd_features.as_of and customer_scores.customer_id = btyd_features.customer_id
),

segmented as (
    select
        facts.*,
        case
            when score_status = 'no_purchase_yet' then 'prospect'
            when primary_spend > high_value then 'high_value'
            when primary_probability < churn_probability
                and (historic_value > valuable_so_far or (purchase_days = 1 and recency_days <= recent_days))
                then 'churn_risk'
            when recency_days > recent_days and primary_if_buying > high_potential then 'missed_opportunity'
            when tenure_days <= recent_days then 'new_customer'
            when primary_probability >= churn_probability then 'steady'
            else 'dormant'
        end as segment,
        case
            when score_status = 'no_purchase_yet' then 'D'
            when primary_spend > tier_a then 'A'
            when primary_spend > tier_b then 'B'
            when primary_spend > tier_c then 'C'
            else 'D'
        end as value_tier
    from facts
    cross join thresholds
),

-- updated_at moves only when a business value changed: otherwise it is copied from the night published before
previous as (
    select score_history.*
    from score_history
    cross join run
    where
        score_history.horizon_days = run.primary_horizon_days
        and score_history.as_of_date = (
            select max(nights.as_of_date)
            from nights
            cross join run
            where nights.as_of_date < run.as_of
        )
)

select
    segmented.customer_id,
    run.as_of as as_of_date,
    segmented.score_status,
    segmented.segment,
    segmented.value_tier,
    segmented.* exclude (
        as_of, customer_id, score_status, segment, value_tier, primary_spend, primary_probability, primary_if_buying,
        historic_value, historic_value_365d, lifetime_spend, lifetime_margin, lifetime_discount, purchase_days,
        average_purchase_value, recency_days, tenure_days, probability_alive, expected_next_order_date, expected_order_value,
        model_version
    ),
    segmented.expected_order_value,
    segmented.lifetime_spend,
    segmented.lifetime_margin,
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
    reasons.reason_1,
    reasons.reason_1_driver,
    reasons.reason_1_effect,
    reasons.reason_2,
    reasons.reason_2_driver,
    reasons.reason_2_effect,
    reasons.reason_3,
    reasons.reason_3_driver,
    reasons.reason_3_effect,
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
left join reasons on segmented.customer_id = reasons.customer_id
left join last_orders on segmented.customer_id = last_orders.customer_id
left join previous on segmented.customer_id = previous.customer_id
order by segmented.customer_id
