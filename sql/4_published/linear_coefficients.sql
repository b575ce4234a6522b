-- One row per (horizon, target, linear candidate, position): the coefficient, standardised and per unit.
with linear_coefficients as (select * from training.linear_coefficients),

run as (select * from scores.run),

with_unit as (select *, not starts_with(target, 'purchase') as is_spend from linear_coefficients)

select
    with_unit.horizon_days,
    with_unit.target,
    with_unit.candidate,
    with_unit.position,
    with_unit.row_kind,
    with_unit.feature,
    with_unit.category,
    with_unit.source_family,
    with_unit.description,
    with_unit.standard_deviation::decimal(38, 6) as standard_deviation,
    with_unit.standardised_coefficient::decimal(18, 6) as standardised_coefficient,
    case when with_unit.is_spend then with_unit.per_unit::decimal(38, 10) end as spend_per_unit,
    case when with_unit.is_spend then (with_unit.per_unit * with_unit.standard_deviation)::decimal(38, 6) end
        as spend_per_standard_deviation,
    case when not with_unit.is_spend then with_unit.per_unit::decimal(38, 10) end as log_odds_per_unit,
    case when with_unit.is_spend then run.currency end as currency
from with_unit
cross join run
order by with_unit.horizon_days, with_unit.target, with_unit.candidate, with_unit.position
