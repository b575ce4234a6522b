"""Features as of a cutoff: choosing cutoffs, building the tables of `sql/2_features`, names, families and labels."""
