-- One row per marketing channel and day, in the reporting currency; of several deliveries the highest counts.
with marketing_spend as (select * from raw.marketing_spend),

exchange_rates as (select * from clean.exchange_rates),

judged as (
    select
        marketing_spend.*,
        case when coalesce(marketing_spend.currency, $currency) = $currency then 1 else exchange_rates.rate end as rate,
        case
            when excluded_because is not null then excluded_because
            when channel is null then 'channel is missing'
            when marketing_spend.spend_date is null then 'spend_date is missing or unreadable'
            when spend is null then 'spend is missing or not a number'
            when spend < 0 then 'spend is negative'
            when marketing_spend.spend_date < $earliest_date then 'spend_date is before the earliest date'
            when row_number() over (
                partition by channel, marketing_spend.spend_date order by spend desc, row_hash
            ) > 1 then 'delivered more than once'
            when coalesce(marketing_spend.currency, $currency) <> $currency and exchange_rates.rate is null
                then 'no exchange rate in the 5 days up to the day'
        end as reason
    from marketing_spend
    left join exchange_rates
        on marketing_spend.currency = exchange_rates.currency
        and marketing_spend.spend_date = exchange_rates.valid_date
)

select
    channel,
    spend_date,
    (spend * rate)::decimal(18, 2) as spend,
    $currency as currency,
    case
        when reason is null then 'accepted'
        when reason = excluded_because then 'excluded'
        when reason = 'delivered more than once' then 'duplicate'
        else 'quarantined'
    end as disposition,
    reason
from judged
order by spend_date, channel, row_hash
