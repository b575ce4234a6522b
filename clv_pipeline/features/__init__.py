"""Features as of a cutoff: which cutoffs, building the tables of `sql/2_features`, their names, families and wording."""
