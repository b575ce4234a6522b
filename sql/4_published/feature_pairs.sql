-- One row per cell of the heat map of purchases and recency, with predicted spend; or per pair of features, with their correlation.
-- The cells add up to clv_run: customers and predicted_spend_total. A correlation says that two things go together among these
-- customers, not that one causes the other: the predicted spend is itself made of most of these features.
with customer_clv as (select * from published.customer_clv),

spend_variance as (select * from scores.spend_variance),

feature_correlations as (select * from scores.feature_correlations),

run as (select * from scores.run),

binned as (
    select
        spend_variance.*,
        case
            when customer_clv.purchase_days = 0 then null
            when customer_clv.purchase_days <= 3 then customer_clv.purchase_days
            when customer_clv.purchase_days <= 5 then 4
            when customer_clv.purchase_days <= 9 then 6
            when customer_clv.purchase_days <= 19 then 10
            else 20
        end::integer as purchases_from,
        case
            when customer_clv.purchase_days = 0 then null
            when customer_clv.recency_days <= 30 then 1
            when customer_clv.recency_days <= 60 then 31
            when customer_clv.recency_days <= 90 then 61
            when customer_clv.recency_days <= 180 then 91
            when customer_clv.recency_days <= 365 then 181
            else 366
        end::integer as recency_from
    from customer_clv
    inner join spend_variance on customer_clv.customer_id = spend_variance.customer_id
),

counted as (
    select
        *,
        count(*) over (partition by purchases_from, recency_from) < $smallest_cell as is_small
    from binned
),

cells as (
    select
        case when is_small then 'other' when purchases_from is null then 'no_purchase' else 'cell' end as row_kind,
        case when not is_small then purchases_from end as purchases_from,
        case when not is_small then recency_from end as recency_from,
        count(*) as customers,
        sum(predicted_spend) as predicted_spend,
        sum(variance) as variance,
        any_value(total_below) as total_below,
        any_value(total_above) as total_above
    from counted
    group by
        case when is_small then 'other' when purchases_from is null then 'no_purchase' else 'cell' end,
        case when not is_small then purchases_from end,
        case when not is_small then recency_from end
),

-- the error of the total, shared by all customers, and that of each customer, of which most cancel out
bounded as (
    select
        *,
        -- `greatest` would make 0 of null
        case
            when total_below is not null
                then greatest(predicted_spend - sqrt(pow(predicted_spend * total_below, 2) + $z90 * $z90 * variance), 0)
        end as low,
        predicted_spend + sqrt(pow(predicted_spend * total_above, 2) + $z90 * $z90 * variance) as high
    from cells
),

-- the last of a grid's steps has no upper end
steps as (
    select
        bounded.*,
        case purchases_from when 1 then 1 when 2 then 2 when 3 then 3 when 4 then 5 when 6 then 9 when 10 then 19 end
            as purchases_to,
        case recency_from when 1 then 30 when 31 then 60 when 61 then 90 when 91 then 180 when 181 then 365 end as recency_to
    from bounded
),

rows_of_both as (
    select
        row_kind,
        'purchase_days' as feature,
        'recency_days' as other_feature,
        'purchase days so far' as description,
        'days since the last purchase' as other_description,
        purchases_from as from_purchase_days,
        purchases_to as to_purchase_days,
        recency_from as from_recency_days,
        recency_to as to_recency_days,
        customers,
        predicted_spend,
        low as predicted_spend_low,
        high as predicted_spend_high,
        null::double as correlation,
        null::double as correlation_low,
        null::double as correlation_high
    from steps
    union all
    select
        'correlation',
        feature,
        coalesce(other_feature, 'predicted_spend'),
        description,
        coalesce(other_description, 'predicted spend'),
        null,
        null,
        null,
        null,
        customers,
        null,
        null,
        null,
        correlation,
        low,
        high
    from feature_correlations
)

select
    row_number() over (
        order by
            rows_of_both.row_kind = 'correlation', rows_of_both.row_kind, rows_of_both.from_purchase_days,
            rows_of_both.from_recency_days, rows_of_both.other_feature = 'predicted_spend' desc,
            abs(rows_of_both.correlation) desc, rows_of_both.feature, rows_of_both.other_feature
    ) as position,
    rows_of_both.row_kind,
    rows_of_both.feature,
    rows_of_both.other_feature,
    rows_of_both.description,
    rows_of_both.other_description,
    rows_of_both.from_purchase_days::integer as from_purchase_days,
    rows_of_both.to_purchase_days::integer as to_purchase_days,
    rows_of_both.from_recency_days::integer as from_recency_days,
    rows_of_both.to_recency_days::integer as to_recency_days,
    rows_of_both.customers,
    rows_of_both.predicted_spend::decimal(18, 2) as predicted_spend,
    rows_of_both.predicted_spend_low::decimal(18, 2) as predicted_spend_low,
    rows_of_both.predicted_spend_high::decimal(18, 2) as predicted_spend_high,
    (rows_of_both.predicted_spend / rows_of_both.customers)::decimal(18, 2) as predicted_spend_per_customer,
    (rows_of_both.predicted_spend_low / rows_of_both.customers)::decimal(18, 2) as predicted_spend_per_customer_low,
    (rows_of_both.predicted_spend_high / rows_of_both.customers)::decimal(18, 2) as predicted_spend_per_customer_high,
    rows_of_both.correlation::decimal(5, 4) as correlation,
    rows_of_both.correlation_low::decimal(5, 4) as correlation_low,
    rows_of_both.correlation_high::decimal(5, 4) as correlation_high,
    run.primary_horizon_days as horizon_days,
    run.currency
from rows_of_both
cross join run
order by position
