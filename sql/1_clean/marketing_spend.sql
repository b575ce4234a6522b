-- One row per accepted row of marketing spend, in the reporting currency. Rows of one channel and day, of several campaigns or of
-- one, are added: none takes the place of another.
--
-- Equal rows (channel, day, campaign, spend, currency) that name a campaign are one row delivered several times. Equal rows without a
-- campaign are spend of their own, unless four of five amounts of their day, or all where there are fewer, are there as often: then
-- the day was delivered that many times. A day of one amount is judged by all days.
-- Cents are rounded once per channel: its rows add up to its rounded sum, whatever fractions of a cent the source has.
with marketing_spend as (select * from raw.marketing_spend),

exchange_rates as (select * from clean.exchange_rates),

extraction as (select as_of from raw.extraction),

repeated as (
    select
        *,
        upper(coalesce(currency, $currency)) as source_currency,
        row_number() over (
            partition by channel, spend_date, campaign, spend, upper(coalesce(currency, $currency)) order by row_hash
        ) as copy_number,
        count(*) over (
            partition by channel, spend_date, campaign, spend, upper(coalesce(currency, $currency))
        ) as copies
    from marketing_spend
),

amounts as (
    select spend_date, copies
    from repeated
    where copy_number = 1 and campaign is null
),

deliveries as (
    select
        spend_date,
        case
            when count(*) >= 2 then quantile_disc(copies, 0.2)
            else (select case when count(*) >= 5 then quantile_disc(copies, 0.2) end from amounts)
        end as times_delivered
    from amounts
    group by spend_date
),

judged as (
    select
        repeated.*,
        case when repeated.source_currency = upper($currency) then 1 else exchange_rates.rate end as rate,
        case
            when repeated.unusable_key is not null then repeated.unusable_key
            when repeated.excluded_because is not null then 'excluded_by_rule'
            when repeated.channel is null then 'missing_channel'
            when repeated.spend_date is null then 'unreadable_spend_date'
            when repeated.spend is null then 'unreadable_spend'
            when repeated.spend < 0 then 'negative_spend'
            when repeated.spend_date < $earliest_date then 'early_spend_date'
            when repeated.spend_date >= extraction.as_of then 'on_or_after_as_of'
            when repeated.copy_number > case
                when repeated.campaign is not null then 1
                else greatest(repeated.copies // coalesce(deliveries.times_delivered, 1), 1)
            end then 'delivered_twice'
            when repeated.source_currency <> upper($currency) and exchange_rates.rate is null then 'no_exchange_rate_for_spend'
        end as reason
    from repeated
    cross join extraction
    left join deliveries on repeated.spend_date = deliveries.spend_date
    left join exchange_rates
        on repeated.source_currency = exchange_rates.currency and repeated.spend_date = exchange_rates.valid_date
),

summed as (
    select
        *,
        case when reason is null then (spend * rate)::decimal(28, 6) else 0 end as value,
        sum(case when reason is null then (spend * rate)::decimal(28, 6) else 0 end) over (
            partition by channel order by spend_date, campaign, row_hash, copy_number rows unbounded preceding
        ) as sum_with_row
    from judged
)

select
    channel,
    spend_date,
    campaign,
    case
        when reason is null then (round(sum_with_row, 2) - round(sum_with_row - value, 2))::decimal(18, 2)
        else (spend * rate)::decimal(18, 2)
    end as spend,
    $currency as currency,
    spend as source_amount,
    source_currency,
    excluded_because,
    reason
from summed
order by spend_date, channel, campaign, row_hash, copy_number
