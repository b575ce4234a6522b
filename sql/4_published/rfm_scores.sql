-- One row per eligible customer: recency, frequency and monetary scores, the highest the best, with the cut points of each.
-- Cut points are quantiles over all who bought, or those of the settings rfm_*_cuts. Equal values get equal scores, so groups may differ
-- in size and a score may be missing where many customers are alike. A description of the past, without a model.
with customer_clv as (select * from published.customer_clv),

run as (select * from scores.run),

buyers as (
    select customer_id, recency_days, purchase_days, historic_value
    from customer_clv
    where purchase_days > 0
),

quantiles as (
    select
        quantile_disc(recency_days, $rfm_quantiles) as recency_cuts,
        quantile_disc(purchase_days, $rfm_quantiles) as frequency_cuts,
        quantile_disc(historic_value, $rfm_quantiles) as monetary_cuts
    from buyers
),

cuts as (
    select
        case when len($rfm_recency_cuts) > 0 then $rfm_recency_cuts else recency_cuts end::bigint[] as recency_cuts,
        case when len($rfm_frequency_cuts) > 0 then $rfm_frequency_cuts else frequency_cuts end::bigint[] as frequency_cuts,
        case when len($rfm_monetary_cuts) > 0 then $rfm_monetary_cuts else monetary_cuts end::decimal(18, 2)[] as monetary_cuts
    from quantiles
),

-- how many cut points a value is above
placed as (
    select
        buyers.customer_id,
        cuts.recency_cuts,
        cuts.frequency_cuts,
        cuts.monetary_cuts,
        len(list_filter(cuts.recency_cuts, lambda cut: cut < buyers.recency_days)) as recency_above,
        len(list_filter(cuts.frequency_cuts, lambda cut: cut < buyers.purchase_days)) as frequency_above,
        len(list_filter(cuts.monetary_cuts, lambda cut: cut < buyers.historic_value)) as monetary_above
    from buyers
    cross join cuts
),

scored as (
    select
        customer_id,
        (len(recency_cuts) - recency_above + 1)::integer as recency_score,
        (frequency_above + 1)::integer as frequency_score,
        (monetary_above + 1)::integer as monetary_score,
        -- an index before or after the list is null: no limit on that side
        case when recency_above > 0 then recency_cuts[recency_above] end as recency_above_days,
        recency_cuts[recency_above + 1] as recency_up_to_days,
        case when frequency_above > 0 then frequency_cuts[frequency_above] end as frequency_above,
        frequency_cuts[frequency_above + 1] as frequency_up_to,
        case when monetary_above > 0 then monetary_cuts[monetary_above] end as monetary_above,
        monetary_cuts[monetary_above + 1] as monetary_up_to
    from placed
)

select
    customer_clv.customer_id,
    run.as_of as as_of_date,
    customer_clv.recency_days,
    customer_clv.purchase_days,
    customer_clv.historic_value,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score,
    scored.recency_score::varchar || scored.frequency_score || scored.monetary_score as rfm_cell,
    scored.recency_above_days,
    scored.recency_up_to_days,
    scored.frequency_above,
    scored.frequency_up_to,
    scored.monetary_above,
    scored.monetary_up_to,
    run.currency
from customer_clv
cross join run
left join scored on customer_clv.customer_id = scored.customer_id
order by customer_clv.customer_id
