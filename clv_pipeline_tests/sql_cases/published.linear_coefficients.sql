-- Linear coefficients: money for the spend, log odds for the purchase; the intercept has no standard deviation.

-- given scores.run
select 'EUR' as currency

-- given training.linear_coefficients
select 90 as horizon_days, '' as source_family, '' as description, * from (values
    ('spend_90d_total', 'elastic_net', 1, 'intercept', null, null, null::double, null::double, 12.5::double),
    ('spend_90d_total', 'elastic_net', 2, 'number', 'orders', null, 4.0::double, 0.25::double, 2.5::double),
    ('purchase_90d', 'logistic_regression', 7, 'category', 'crm_country', 'DE', 0.5::double, 0.1::double, 0.2::double)
) as rows (target, candidate, position, row_kind, feature, category, standard_deviation, standardised_coefficient, per_unit)

-- expect each coefficient in its unit
select * from (values
    ('elastic_net', 1, 'intercept', null, null, null, null, 12.5, null, null, 'EUR'),
    ('elastic_net', 2, 'number', 'orders', null, 4.0, 0.25, 2.5, 10.0, null, 'EUR'),
    ('logistic_regression', 7, 'category', 'crm_country', 'DE', 0.5, 0.1, null, null, 0.2, null)
) as rows (
    candidate, position, row_kind, feature, category, standard_deviation, standardised_coefficient, spend_per_unit,
    spend_per_standard_deviation, log_odds_per_unit, currency
)
