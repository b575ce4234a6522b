-- One row per marketing channel and day; of several deliveries the highest counts.
with marketing_spend as (select * from raw.marketing_spend),

judged as (
    select
        *,
        case
            when excluded_because is not null then excluded_because
            when channel is null then 'channel is missing'
            when spend_date is null then 'spend_date is missing or unreadable'
            when spend is null then 'spend is missing or not a number'
            when spend < 0 then 'spend is negative'
            when spend_date < $earliest_date then 'spend_date is before the earliest date'
            when row_number() over (partition by channel, spend_date order by spend desc, row_hash) > 1
                then 'delivered more than once'
        end as reason
    from marketing_spend
)

select
    channel,
    spend_date,
    spend,
    coalesce(currency, $currency) as currency,
    case
        when reason is null then 'accepted'
        when reason = excluded_because then 'excluded'
        when reason = 'delivered more than once' then 'duplicate'
        else 'quarantined'
    end as disposition,
    reason
from judged
order by spend_date, channel, row_hash
