-- One row per product: its newest record, with the cost of one unit in the reporting currency at the newest rate.
-- Records of one product that contradict each other, of which none is newer, are refused: nobody knows which one is right.
-- It is what the catalogue says today: a cost or category of the past is not known.
with products as (select * from raw.products),

exchange_rates as (select * from clean.exchange_rates),

extraction as (select as_of from raw.extraction),

described as (
    select
        *,
        hash(name, category, cost, upper(currency)) as content,
        upper(coalesce(currency, $currency)) as source_currency
    from products
),

versions as (
    select
        *,
        row_number() over newest as version_number,
        first_value(row_hash) over newest as newest_hash,
        first_value(updated_at) over newest as newest_change
    from described
    window newest as (partition by product_id order by updated_at desc nulls last, row_hash)
),

contradictions as (
    select product_id
    from versions
    where updated_at is not distinct from newest_change and unusable_key is null and excluded_because is null
    group by product_id
    having min(content) <> max(content)
),

judged as (
    select
        versions.*,
        case when versions.source_currency = upper($currency) then 1 else exchange_rates.rate end as rate,
        case
            when versions.unusable_key is not null then versions.unusable_key
            when versions.excluded_because is not null then 'excluded_by_rule'
            when versions.product_id is null then 'missing_product_id'
            when versions.updated_at is distinct from versions.newest_change then 'superseded_product'
            when versions.version_number > 1 and versions.row_hash = versions.newest_hash then 'delivered_twice'
            when contradictions.product_id is not null then 'contradictory_product'
            when versions.version_number > 1 then 'delivered_twice'
            when versions.cost < 0 then 'negative_cost'
            when versions.cost is not null and versions.source_currency <> upper($currency) and exchange_rates.rate is null
                then 'no_exchange_rate_for_cost'
        end as reason
    from versions
    cross join extraction
    left join contradictions on versions.product_id = contradictions.product_id
    left join exchange_rates
        on versions.source_currency = exchange_rates.currency and exchange_rates.valid_date = extraction.as_of - 1
)

select
    product_id,
    name,
    -- two products of one name are told apart
    case
        when reason is null and count(case when reason is null then 1 end) over (partition by name) > 1
            then name || ' (' || product_id || ')'
        else name
    end as label,
    category,
    (cost * rate)::decimal(18, 6) as cost,
    $currency as currency,
    excluded_because,
    reason
from judged
order by product_id, row_hash
