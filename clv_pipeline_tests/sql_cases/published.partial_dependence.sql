-- Partial dependence: money with its currency, probabilities without; a category has no number.

-- given scores.run
select 'EUR' as currency

-- given training.partial_dependence
select target, 90 as horizon_days, feature, 'crm' as source_family, '' as description, * exclude (target, feature)
from (values
    ('spend_90d_total', 'crm_age_days', 1, '30', 30.0::double, 50.12504::double, 40.0::double, 60.0::double),
    ('spend_90d_total', 'crm_country', 1, 'DE', null, 70.0::double, 65.004::double, 75.0::double),
    ('purchase_90d', 'crm_age_days', 1, '30', 30.0::double, 0.31416::double, 0.2::double, 0.4::double)
) as rows (target, feature, position, value, value_as_number, prediction, low, high)

-- expect the curves
select * from (values
    ('spend_90d_total', 'crm_age_days', 1, '30', 30.0, 50.1250, 40.0000, 60.0000, 'EUR'),
    ('spend_90d_total', 'crm_country', 1, 'DE', null, 70.0000, 65.0040, 75.0000, 'EUR'),
    ('purchase_90d', 'crm_age_days', 1, '30', 30.0, 0.3142, 0.2000, 0.4000, null)
) as rows (target, feature, position, value, value_as_number, prediction, interval_low, interval_high, currency)
