-- One row per feature and bin of its values: the histogram of every feature over tonight's customers.
-- The bins of a feature add up to all customers. A feature that nobody has a value of has no row. How a feature is distributed says
-- nothing about whether it matters: permutation_importance and feature_pairs do.
with feature_bins as (select * from scores.feature_bins),

run as (select * from scores.run)

select
    feature_bins.feature,
    feature_bins.position,
    feature_bins.source_family,
    feature_bins.description,
    feature_bins.row_kind,
    round(feature_bins.bin_low, 6) as bin_low,
    round(feature_bins.bin_high, 6) as bin_high,
    feature_bins.category,
    feature_bins.customers,
    (feature_bins.customers / sum(feature_bins.customers) over (partition by feature_bins.feature))::decimal(5, 4)
        as customer_share,
    round(feature_bins.smallest, 6) as smallest,
    round(feature_bins.largest, 6) as largest,
    run.currency,
    run.as_of as as_of_date
from feature_bins
cross join run
order by feature_bins.source_family, feature_bins.feature, feature_bins.position
