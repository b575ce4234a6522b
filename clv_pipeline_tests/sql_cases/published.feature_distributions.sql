-- Distributions: the bins of a feature as Python made them, with their share of all its customers.

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given scores.feature_bins
select * from (values
    ('spend_total', 1, 'number', null, 10.0, 30),
    ('spend_total', 2, 'number', 10.0, null, 60),
    ('spend_total', 3, 'missing', null, null, 10),
    ('orders', 1, 'zero', 0.0, 0.0, 7)
) as rows (feature, position, row_kind, bin_low, bin_high, customers)
cross join (values ('purchase', 'a label', null, 0.5, 70.0)) as same (source_family, description, category, smallest, largest)

-- expect shares add up per feature
select * from (values
    ('spend_total', 1, 'number', null, 10.0, 30, 0.3, 'EUR'),
    ('spend_total', 2, 'number', 10.0, null, 60, 0.6, 'EUR'),
    ('spend_total', 3, 'missing', null, null, 10, 0.1, 'EUR'),
    ('orders', 1, 'zero', 0.0, 0.0, 7, 1.0, 'EUR')
) as rows (feature, position, row_kind, bin_low, bin_high, customers, customer_share, currency)
