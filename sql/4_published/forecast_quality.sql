-- One row per (subject, method, months ahead, past date or all of them): error of the forecast on past dates, next to its baselines.
-- Each past date was forecast from what was known then. The rule is tonight's, with the purchase models' expectation in place of the
-- customers' scores. It is not a promise for a year unlike those.
with forecast_record as (select * from scores.forecast_record),

run as (select * from scores.run),

by_window as (
    select
        'window' as row_kind,
        subject,
        method,
        months,
        strftime(forecast_date, '%Y-%m-%d') as window_name,
        forecast_date,
        1 as windows,
        knows_season::integer as windows_with_season,
        cells,
        actual,
        predicted,
        absolute_error / nullif(actual, 0) as wape,
        inside
    from forecast_record
),

pooled as (
    select
        'all' as row_kind,
        subject,
        method,
        months,
        'all' as window_name,
        null as forecast_date,
        count(*) as windows,
        sum(windows_with_season) as windows_with_season,
        sum(cells) as cells,
        sum(actual) as actual,
        sum(predicted) as predicted,
        avg(wape) as wape,
        sum(inside) as inside
    from by_window
    group by subject, method, months
),

nothing as (
    select
        'no_window' as row_kind,
        'cohorts' as subject,
        'forecast' as method,
        3 as months,
        'all' as window_name,
        null as forecast_date,
        0 as windows,
        0 as windows_with_season,
        0 as cells,
        null as actual,
        null as predicted,
        null as wape,
        null as inside
    from run
    where not exists (select 1 from forecast_record)
),

every_row as (
    select * from by_window
    union all
    select * from pooled
    union all
    select * from nothing
)

select
    every_row.row_kind,
    every_row.subject,
    every_row.method,
    every_row.months,
    every_row.window_name,
    every_row.forecast_date,
    every_row.windows::integer as windows,
    every_row.windows_with_season::integer as windows_with_season,
    every_row.cells::integer as cells,
    every_row.actual::decimal(18, 2) as actual_spend,
    every_row.predicted::decimal(18, 2) as predicted_spend,
    every_row.wape::decimal(18, 4) as wape,
    (every_row.predicted / nullif(every_row.actual, 0) - 1)::decimal(18, 4) as bias,
    (every_row.inside::double / nullif(every_row.cells, 0))::decimal(5, 4) as coverage,
    case
        when every_row.row_kind = 'no_window'
            then 'not tested: no past date has three months before and after it, or no purchase model can be fitted'
    end as statement,
    run.currency
from every_row
cross join run
order by every_row.subject, every_row.months, every_row.window_name, every_row.method
