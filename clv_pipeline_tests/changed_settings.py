"""Another valid value of every setting, as the environment gives it; for what must change with it, and what must not."""

from clv_pipeline.core.settings import Changes, Settings

ANOTHER = {
    "home": "elsewhere",
    "source": "cdnow",
    "source_url": "sqlite:///another.sqlite",
    "hash_key": "another key",
    "alert_url": "http://127.0.0.1:9/another",
    "alert_command": "true",
    "dashboard_password": "another password",
    "tombstones": "elsewhere/erased_customers.json",
    "publish_url": "postgresql+psycopg://127.0.0.1/another",
    "publish_schema": "another_schema",
    "name": "Another company",
    "time_zone": "Asia/Tokyo",
    "currency": "CHF",
    "gross_margin": "0.31",
    "order_status": '{"revenue": ["paid"], "not_revenue": []}',
    "exclude": '[{"table": "orders", "reason": "gift", "where": "amount = 0"}]',
    "as_of": "2026-06-01",
    "horizons": "30,90",
    "seed": "8",
    "lifetime_days": "730",
    "discount_rate": "0.2",
    "nightly_at": "04:15",
    "batch_rows": "777",
    "lookback_days": "20",
    "statement_timeout_seconds": "900",
    "connect_tries": "2",
    "earliest_date": "2000-01-01",
    "max_unreadable_share": "0.02",
    "max_unknown_customer_share": "0.5",
    "net_refunds": "false",
    "max_rejected_share": "0.2",
    "min_volume_ratio": "0.3",
    "max_volume_ratio": "3",
    "max_stale_days": "4",
    "stale_data": "publish",
    "max_order_value_drift": "6",
    "min_total_ratio": "0.4",
    "max_total_ratio": "3",
    "max_segment_changes": "0.2",
    "keep_bundles": "5",
    "keep_models": "3",
    "catch_up_nights": "3",
    "memory_limit": "3GB",
    "threads": "1",
    "denied_features": "crm_country",
    "denied_categories": "Toys,Garden",
    "retrain_after_days": "30",
    "force_training": "true",
    "cutoff_step_days": "30",
    "max_cutoffs": "3",
    "recency_half_life_days": "200",
    "train_customers": "5000",
    "min_buyers": "400",
    "tuning_folds": "3",
    "max_parameter_sets": "1",
    "bootstrap_samples": "30",
    "high_value_share": "0.1",
    "churn_probability_ratio": "0.5",
    "churn_value_share": "0.3",
    "missed_potential_share": "0.25",
    "recent_days": "60",
    "rfm_groups": "4",
    "rfm_recency_cuts": "30,90,180",
    "rfm_frequency_cuts": "1,3",
    "rfm_monetary_cuts": "50,200,1000",
    "number_format": "1.234,5",
    "demo_customers": "900",
}


def declared(name: str) -> tuple[Changes, str | None]:
    """Return what a setting says that it changes, and what covers it in an identity."""
    says = Settings.model_fields[name].json_schema_extra
    assert isinstance(says, dict), f"the setting {name} does not declare what it changes"
    return says["changes"], says["covered_by"]  # type: ignore[return-value]


def that_change_nothing() -> dict[str, str]:
    """Return CLV_* variables with another value of every setting that claims to change nothing, but the home."""
    return {
        f"CLV_{name.upper()}": ANOTHER[name] for name in ANOTHER if declared(name)[0] == "nothing" and name != "home"
    }
