-- Next purchase quality: figures with intervals; verdict and status rows without, and with words; no test window, no date.

-- given scores.run
select 'v1' as model_version

-- given scores.next_purchase_quality
select 'category' as item_level, 90 as horizon_days, * from (values
    ('method', 'again', 'own_frequency', 'recall_at_5', date '2024-03-03', 800, 0.5::double, 0.48::double, 0.52::double, null),
    ('difference', 'again', 'learned_ranker', 'recall_at_5', date '2024-03-03', 800, 0.03::double, 0.01::double, 0.05::double, null),
    ('verdict', 'again', 'learned_ranker', 'ndcg_at_5', date '2024-03-03', 800, 1::double, null, null, 'The learned ranker is better.'),
    ('status', 'new_to_them', 'none', 'customers_with_a_list', null, 0, 0::double, null, null, 'There are no lists tonight: a reason.')
) as rows (row_kind, kind, method, metric, test_window_start, customers, value, low, high, statement)

-- expect every row, and the version it is of
select 'v1' as model_version, * from (values
    ('method', 'again', 'own_frequency', 'recall_at_5', 0.5, 0.48, 0.52, 800, null, date '2024-03-03'),
    ('difference', 'again', 'learned_ranker', 'recall_at_5', 0.03, 0.01, 0.05, 800, null, date '2024-03-03'),
    ('verdict', 'again', 'learned_ranker', 'ndcg_at_5', 1, null, null, 800, 'The learned ranker is better.', date '2024-03-03'),
    ('status', 'new_to_them', 'none', 'customers_with_a_list', 0, null, null, 0, 'There are no lists tonight: a reason.', null)
) as rows (
    row_kind, kind, method, metric, value, interval_low, interval_high, customers, statement, test_window_start_date
)
