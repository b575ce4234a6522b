-- One row per foreign currency and working day; the shop keeps units per euro, the contract wants euros per unit.
select
    currency_code as currency,
    rate_day as rate_date,
    round(1.0 / units_per_eur, 6) as rate
from exchange_rate
