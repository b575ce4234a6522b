"""A key account: one customer with half of the revenue, in an order every day. Its spend is no data-entry error.

Input and values are those of the report; they are not to be changed.
"""

import random
from datetime import date, timedelta
from pathlib import Path

from clv_pipeline.core.home import Home
from clv_pipeline_tests.conftest import SMALL_RUN, run_clv_here
from clv_pipeline_tests.faults.company import Company, healthy, order
from clv_pipeline_tests.nights import published_rows


def test_a_key_account_is_predicted_in_full_and_its_share_is_published(tmp_path: Path) -> None:
    rows = healthy(customers=400)["orders"]
    per_day = sum(float(r["amount"]) for r in rows) * 1.5 / 516
    rows += [
        order(
            "MARKETPLACE", date(2023, 1, 1) + timedelta(days=k), round(per_day * random.Random(k).uniform(0.7, 1.3), 2),
            order_id=f"m{k}",
        )
        for k in range(516)
    ]  # fmt: skip
    company, home = Company(tmp_path / "c", tables={"orders": rows}), Home(tmp_path / "home")
    company.write()
    ran = run_clv_here(
        "run", "--home", str(home.root), "--source", str(company.folder), "--url", str(company.files),
        "--as-of", "2024-06-01", **SMALL_RUN, CLV_MIN_BUYERS="40",
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    ((total, low, high, share),) = published_rows(
        home,
        "select predicted_spend_total, predicted_spend_total_low, predicted_spend_total_high, largest_customer_share "
        "from clv_run",
    )
    actual = 124_228 + 90 * per_day
    assert float(low) < actual < float(high)
    assert abs(float(total) / actual - 1) < 0.15
    ((account,),) = published_rows(
        home, "select predicted_spend_90d from customer_clv where customer_id = 'MARKETPLACE'"
    )
    assert abs(float(account) / (90 * per_day) - 1) < 0.25
    assert 0.4 < float(share) < 0.6
