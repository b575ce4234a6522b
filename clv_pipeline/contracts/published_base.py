"""Published tables about the customer base as a whole: the lenses of the customer-base audit, and how customers move.

Features, profiles and products are in `published_profiles.py`.
"""

from clv_pipeline.contracts.published_profiles import PROFILE_TABLES
from clv_pipeline.contracts.published_table import IDENTITY, PublishedTable

_LEFT_CENSORED = (
    "the month begins within 180 days of the first orders in the data: many of these customers bought before the data began (26 "
    "to 91 % where that could be measured), so they look more loyal than new ones are. The months after them have such customers "
    "too, fewer from month to month. Do not compare such a cohort with later ones"
)

BASE_TABLES: tuple[PublishedTable, ...] = (
    PublishedTable(
        "base_deciles",
        ("period", "position"),
        {
            "period": "last_365_days: the 365 days before as_of_date; all_time: the whole history. Use one of the two: they "
            "overlap",
            "position": "order of the rows in a period: best spenders first, customers without a purchase last",
            "period_start_date": "first day of the period",
            "period_end_date": "last day of the period",
            "row_kind": "decile: one of up to ten groups of equal size among the customers who bought in the period; "
            "no_purchase: customers who did not (their returns of earlier purchases make their spend negative); other: such a "
            "group of fewer than 5 customers",
            "decile": "number of the group, 1 = highest net spend; ten groups from 50 buyers on, fewer below, so that each has "
            "at least 5 customers. Customers with equal spend may be in neighbouring groups. Null for no_purchase",
            "customers": "customers in the row; the rows of a period add up to clv_run.customers",
            "orders": "their orders in the period",
            "orders_per_customer": "orders divided by customers",
            "average_order_value": "net spend divided by orders: returns lower it; null without orders",
            "net_spend": "their net spend in the period (purchases minus returns); the rows of a period add up to the sum of "
            "historic_value_365d or historic_value in customer_clv",
            "spend_per_customer": "net spend divided by customers",
            "lowest_spend": "lowest net spend of one customer in the row: what it takes to be in the group",
            "highest_spend": "highest net spend of one customer in the row",
            "spend_share": "share of the period's net spend; below 0 where returns exceed purchases; null where nothing was "
            "spent",
            "spend_share_to_here": "share of this row and all better ones; exceeds 1 where later rows are negative",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "base_movements",
        ("position",),
        {
            "position": "order of the steps, from the opening to the closing balance",
            "row_kind": "balance: opening or closing; change: a step between them; other: the steps with fewer than 5 customers "
            "together (no row if there are none)",
            "step": "opening and closing: customers with a purchase in the period before and now; new: first purchase in the "
            "data now; reactivated: bought earlier, not in the period before, and again now; grown, unchanged, shrunk: bought "
            "in both periods and spent more, the same or less now; lapsed: bought before, not now; returns_only: no purchase in "
            "either period, but returns or orders of amount zero; other: see row_kind",
            "customers": "customers of the step; of a balance, customers with a purchase in its period",
            "customer_change": "what the step adds to the number of customers: opening + all changes = closing; null for "
            "balances",
            "spend_before": "net spend of these customers in the period before; null for the closing balance",
            "spend_now": "net spend of these customers in the current period; null for the opening balance. A lapsed customer's "
            "is zero or, by returns, negative",
            "spend_change": "spend_now minus spend_before: opening spend_before + all changes = closing spend_now, to the cent; "
            "null for balances",
            "change_share": "spend_change divided by the opening spend; null for balances, and without opening spend",
            "orders_before": "orders in the period before; null for the closing balance",
            "orders_now": "orders in the current period; null for the opening balance",
            "period_days": "length of both periods: 365 days, or half of the history where that is shorter than two years. "
            "Under 365 the two periods are different seasons, and the change is partly the season's",
            "before_start_date": "first day of the period before",
            "now_start_date": "first day of the current period",
            "now_end_date": "last day of the current period",
            "history_start_date": "day of the first order in the data. Where it is close to before_start_date, hardly anybody "
            "can be reactivated, and customers who are older than the data count as new",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "cohort_comparison",
        ("age_days", "position"),
        {
            "position": "order of the cohorts at this age, oldest first",
            "age_days": "days since each customer's own first purchase that are counted, that day included: 30, 90, 180 or 365",
            "row_kind": "cohort: customers with the first purchase in one month; other: all months with fewer than 5 customers",
            "cohort_month_date": "month of the first purchase (its first day); null for other",
            "customers": "customers of the cohort; those of one age add up to the customers who ever bought",
            "is_complete": "whether every customer of the cohort is that old; if not, the figures are null, since a younger "
            "cohort would look worse than it is",
            "is_left_censored": _LEFT_CENSORED,
            "net_spend": "net spend of the cohort up to this age; null until complete",
            "spend_per_customer": "net spend divided by customers; null until complete. In a small cohort one large customer "
            "may decide it: a difference between two cohorts is safer to read from median_spend and repeat_share, which have "
            "intervals",
            "usual_spend_per_customer": "the same mean over all cohorts that are complete at this age and not left censored, "
            "this one included; null if there is none",
            "median_spend": "net spend that half of the customers exceed: what a typical customer does; null until complete",
            "median_spend_low": "lower end of its 90 % interval (order statistics), for comparing cohorts as samples of the "
            "customers won at such a time",
            "median_spend_high": "upper end",
            "orders_per_customer": "orders divided by customers; null until complete",
            "repeat_share": "share of customers with a second purchase day by this age; null until complete",
            "repeat_share_low": "lower end of its 90 % interval (Wilson)",
            "repeat_share_high": "upper end",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "base_layers",
        ("month_date", "row_kind", "layer"),
        {
            "month_date": "calendar month (its first day)",
            "row_kind": "actual: what customers acquired in one year spent in the month; other: the same for the years with "
            "fewer than 5 customers in the month, together; forecast: what they are expected to spend from as_of_date on. The "
            "month under way has both",
            "layer": "acquisition_year as text; other; prospects for known customers who have not bought, forecast only",
            "acquisition_year": "year of the customers' first purchase in the data (of the first return, if they never bought); "
            "null for other",
            "is_left_censored": "the year begins less than 180 days after the first orders in the data: its layer is also made "
            "of customers acquired before the data began; null for other",
            "is_complete": "whether the month was over by as_of_date; a month that is not is too low",
            "active_customers": "customers of the layer with a purchase in the month; null for forecast rows",
            "orders": "their orders in the month; null for forecast rows",
            "net_spend": "their net spend in the month. The actual layers of a month add up to the net sales to known customers "
            "who may be profiled, all months to the sum of historic_value in customer_clv; sales to guests are not in it",
            "net_spend_low": "lower end of the 90 % interval, as wide as that of all existing customers in the month; null for "
            "actual rows and prospects of months without one",
            "net_spend_high": "upper end",
            "spend_share": "share of the month's actual net spend; null for forecast rows, and where that is not positive",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "tier_transitions",
        ("comparison", "position"),
        {
            "comparison": "what tonight is compared with. published_month_ago, published_quarter_ago, published_year_ago: the "
            "value tier in the published night nearest to (at most 31 days older than) 30, 91 or 365 days ago; absent until "
            "there was one. actual_spend, on every night: the tier by net spend in one period against that in the period before",
            "position": "order of the rows of a comparison",
            "row_kind": "move: customers with one tier then and one now; other: all moves of fewer than 5 customers",
            "tier_before": "A to D then: top 5 %, next 15 %, next 30 %, the rest of all who had bought (in actual_spend C has "
            "fewer where more than half of them spent nothing in the period). Null: not a customer then; in actual_spend, no "
            "purchase by then",
            "tier_now": "A to D now; null: no purchase yet (actual_spend only; by predicted spend such a customer is D)",
            "direction": "up, down, same; new: no tier then; not_yet: no purchase yet; null for other. The limits of the tiers "
            "move with all customers, so a customer may go down while spending the same",
            "customers": "customers; those of one comparison add up to clv_run.customers",
            "share_of_tier_before": "customers divided by all with the same tier_before; null for other",
            "predicted_spend_before": "spend predicted for them that night, as published then; not known for new customers; null "
            "for actual_spend",
            "predicted_spend_now": "spend predicted for them tonight, primary horizon; those of one comparison add up to "
            "clv_run.predicted_spend_total; null for actual_spend",
            "predicted_spend_now_low": "lower end of its 90 % interval; null where that of the total is unknown",
            "predicted_spend_now_high": "upper end",
            "actual_spend_before": "their net spend in the earlier period; null for the published comparisons",
            "actual_spend_now": "their net spend in the period up to as_of_date; null for the published comparisons",
            "before_date": "the night compared with; for actual_spend the first day of the current period",
            "as_of_date": IDENTITY["as_of_date"],
            "period_days": "actual_spend: length of both periods, as in base_movements; null otherwise",
            "horizon_days": "length of the predicted window; null for actual_spend",
            "currency": IDENTITY["currency"],
        },
    ),
    PublishedTable(
        "journey",
        ("position", "within_days"),
        {
            "position": "1: the first visit; 2: the first order; up to 6: the fifth order",
            "within_days": "days allowed for the next step: 30, 90, 180 or 365",
            "step": "first_visit: first recorded web visit that the source links to the customer, if not after the first order; "
            "order_1 to order_5: the first to fifth day with a purchase. Links are often made at the first login or order, so "
            "visitors who never come back are mostly unknown and the share after first_visit is too high for all visitors",
            "next_step": "the step that follows",
            "customers": "customers who reached the step, whenever",
            "customers_so_far": "number of them who took the next step so far, after any time",
            "customers_old_enough": "number of them who reached the step at least within_days ago: only they are counted in the "
            "shares",
            "customers_reached": "number of these who took the next step within the days allowed; null with fewer than 5 old "
            "enough",
            "reached_share": "customers_reached divided by customers_old_enough. Later steps are reached by the keenest "
            "customers only, and with a long within_days by early ones: that the share rises from step to step does not mean "
            "that an order causes the next one",
            "reached_share_low": "lower end of its 90 % interval (Wilson)",
            "reached_share_high": "upper end",
            "median_days": "half of customers_reached took the next step within so many days; null with fewer than 20 of them",
            "median_days_low": "lower end of its 90 % interval (order statistics)",
            "median_days_high": "upper end",
            "is_with_left_censored": "true: fewer than 100 customers began after the first 180 days of the data, so those who "
            "may be older are counted too, and the shares are too high",
        },
    ),
    *PROFILE_TABLES,
)
