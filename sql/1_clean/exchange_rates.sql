-- One row per (currency, day) that has a rate: that day's, or else the newest of the 5 days before it.
-- A day without a row has no usable rate; readers quarantine amounts in that currency on that day.
with fx_rates as (select * from raw.fx_rates),

days_carried as (select * from (values (0), (1), (2), (3), (4), (5)) as days (days_carried)),

carried as (
    select
        upper(fx_rates.currency) as currency,
        fx_rates.rate_date + days_carried.days_carried as valid_date,
        fx_rates.rate,
        days_carried.days_carried
    from fx_rates
    cross join days_carried
    where fx_rates.excluded_because is null and fx_rates.unusable_key is null
)

select currency, valid_date, rate
from carried
qualify row_number() over (partition by currency, valid_date order by days_carried, rate) = 1
order by currency, valid_date
