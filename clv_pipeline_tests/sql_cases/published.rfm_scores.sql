-- RFM: equal values share a score, 5 is best, cut points stand in the row; without a purchase there is no score.

-- parameters
select []::double[] as rfm_recency_cuts, [2.0, 4.0] as rfm_frequency_cuts

-- given scores.run
select date '2024-06-01' as as_of, 'EUR' as currency

-- given published.customer_clv
select * from (values
    ('a', 10, 1, 100.00),
    ('b', 10, 2, 20.00),
    ('c', 30, 3, 30.00),
    ('d', 40, 5, 40.00),
    ('e', 500, 4, -5.00),
    ('p', null, 0, 0.00)
) as rows (customer_id, recency_days, purchase_days, historic_value)

-- expect scores, by the company's own cut points of frequency
select * from (values
    ('a', 5, 1, 5, '515', null, 10, null, 2, 40.00, null),
    ('b', 5, 1, 2, '512', null, 10, null, 2, -5.00, 20.00),
    ('c', 3, 2, 3, '323', 10, 30, 2, 4, 20.00, 30.00),
    ('d', 2, 3, 4, '234', 30, 40, 4, null, 30.00, 40.00),
    ('e', 1, 2, 1, '121', 40, null, 2, 4, null, -5.00),
    ('p', null, null, null, null, null, null, null, null, null, null)
) as rows (
    customer_id, recency_score, frequency_score, monetary_score, rfm_cell, recency_above_days, recency_up_to_days, frequency_above,
    frequency_up_to, monetary_above, monetary_up_to
)
