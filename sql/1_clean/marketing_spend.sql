-- One row per marketing channel and day, in the reporting currency; of several deliveries the highest counts.
with marketing_spend as (select * from raw.marketing_spend),

exchange_rates as (select * from clean.exchange_rates),

extraction as (select as_of from raw.extraction),

judged as (
    select
        marketing_spend.*,
        case when upper(coalesce(marketing_spend.currency, $currency)) = upper($currency) then 1 else exchange_rates.rate end as rate,
        case
            when unusable_key is not null then unusable_key
            when excluded_because is not null then 'excluded_by_rule'
            when channel is null then 'missing_channel'
            when marketing_spend.spend_date is null then 'unreadable_spend_date'
            when spend is null then 'unreadable_spend'
            when spend < 0 then 'negative_spend'
            when marketing_spend.spend_date < $earliest_date then 'early_spend_date'
            when marketing_spend.spend_date >= extraction.as_of then 'on_or_after_as_of'
            when row_number() over (
                partition by channel, marketing_spend.spend_date order by spend desc, row_hash
            ) > 1 then 'delivered_twice'
            when upper(coalesce(marketing_spend.currency, $currency)) <> upper($currency) and exchange_rates.rate is null
                then 'no_exchange_rate_for_spend'
        end as reason
    from marketing_spend
    cross join extraction
    left join exchange_rates
        on upper(marketing_spend.currency) = exchange_rates.currency
        and marketing_spend.spend_date = exchange_rates.valid_date
)

select
    channel,
    spend_date,
    (spend * rate)::decimal(18, 2) as spend,
    $currency as currency,
    excluded_because,
    reason
from judged
order by spend_date, channel, row_hash
