-- One row per paid channel and day, named as the customers' acquisition channel; read in full, because bills change.
select
    case source_code
        when 'SEA' then 'paid_search'
        when 'SOC' then 'social_ads'
        when 'AFF' then 'affiliate'
        when 'REF' then 'referral'
        when 'MPL' then 'marketplace'
        else source_code
    end as channel,
    spend_day as spend_date,
    round(spend_cents / 100.0, 2) as spend,
    'EUR' as currency
from ad_spend
