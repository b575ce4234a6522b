-- Feature importance: ranked by mean contribution, ties by name.

-- given scores.feature_importance
select *, 'purchase' as source_family, '' as description, 90 as horizon_days from (values
    ('orders', 1.0), ('recency_days', 5.0), ('items', 1.0)
) as rows (feature, mean_contribution)

-- expect the order
select * from (values (1, 'recency_days'), (2, 'items'), (3, 'orders')) as rows (rank, feature)
