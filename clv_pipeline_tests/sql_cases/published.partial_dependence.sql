-- Partial dependence: money with cents and its currency; a category has no number.

-- given scores.run
select 'EUR' as currency

-- given training.partial_dependence
select 90 as horizon_days, feature, 'crm' as source_family, '' as description, * exclude (feature) from (values
    ('crm_age_days', 1, '30', 30.0::double, 50.125::double, 40.0::double, 60.0::double),
    ('crm_country', 1, 'DE', null, 70.0::double, 65.004::double, 75.0::double)
) as rows (feature, position, value, value_as_number, predicted_spend, low, high)

-- expect the curve
select * from (values
    ('crm_age_days', 1, '30', 30.0, 50.13, 40.00, 60.00, 'EUR'),
    ('crm_country', 1, 'DE', null, 70.00, 65.00, 75.00, 'EUR')
) as rows (feature, position, value, value_as_number, predicted_spend, interval_low, interval_high, currency)
