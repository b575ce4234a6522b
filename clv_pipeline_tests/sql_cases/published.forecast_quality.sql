-- Quality of forecasts: each past date, and all of them: the mean WAPE, the bias of the sums, the coverage of all cells.

-- given scores.run
select 'EUR' as currency

-- given scores.forecast_record
select subject, method, forecast_date::date as forecast_date, months, knows_season, cells, actual, predicted, absolute_error, inside
from (values
    ('cohorts', 'forecast', '2024-01-01', 3, false, 4, 100.00, 120.00, 30.00, 3),
    ('cohorts', 'forecast', '2024-04-01', 3, true, 6, 300.00, 240.00, 60.00, 6),
    ('cohorts', 'chain_ladder', '2024-01-01', 3, false, 4, 100.00, 50.00, 50.00, null),
    ('revenue', 'last_year', '2024-01-01', 6, false, 1, 0.00, 50.00, 50.00, null)
) as rows (subject, method, forecast_date, months, knows_season, cells, actual, predicted, absolute_error, inside)

-- expect each past date where row_kind = 'window'
select * from (values
    ('cohorts', 'forecast', '2024-01-01', date '2024-01-01', 1, 0, 4, 0.30, 0.20, 0.75),
    ('cohorts', 'forecast', '2024-04-01', date '2024-04-01', 1, 1, 6, 0.20, -0.20, 1.00),
    ('cohorts', 'chain_ladder', '2024-01-01', date '2024-01-01', 1, 0, 4, 0.50, -0.50, null),
    ('revenue', 'last_year', '2024-01-01', date '2024-01-01', 1, 0, 1, null, null, null)
) as rows (subject, method, window_name, forecast_date, windows, windows_with_season, cells, wape, bias, coverage)

-- expect all dates together where row_kind = 'all'
select * from (values
    ('cohorts', 'forecast', 3, 'all', 2, 1, 10, 400.00, 360.00, 0.25, -0.10, 0.90, null),
    ('cohorts', 'chain_ladder', 3, 'all', 1, 0, 4, 100.00, 50.00, 0.50, -0.50, null, null),
    ('revenue', 'last_year', 6, 'all', 1, 0, 1, 0.00, 50.00, null, null, null, null)
) as rows (
    subject, method, months, window_name, windows, windows_with_season, cells, actual_spend, predicted_spend, wape, bias, coverage, statement
)

-- expect no row that says that nothing could be tested where row_kind = 'no_window'
select 'cohorts' as subject where false
