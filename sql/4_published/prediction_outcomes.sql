-- One row per (as_of_date, horizon_days, is_backtest, slice_kind, row_kind, slice_name): what was predicted and what happened, with
-- the same figures of a fixed baseline, for all customers and by decile, tier, segment, status and channel as of that night.
-- A row of a window that is over is computed once, on the first night after its end, and kept: what the source corrects later
-- does not change it. Windows that are still open are read early, those of the first night of each month. Backtest rows are the
-- windows that the last training tested its models on, on a sample of the customers. It does not say why a customer was wrong.
with score_history as (select * from scores.history),

-- read on its own, as in score_change_summary.sql
kept_nights as (select distinct as_of_date, horizon_days from scores.history),

night_totals as (select * from scores.night_totals),

kept_outcomes as (select * from scores.outcomes),

judged_windows as (select * from training.judged_windows),

judged_totals as (select * from training.judged_totals),

customer_day as (select * from features.customer_day),

customers as (select * from clean.customers),

identities as (select * from clean.customer_identities),

run as (select * from scores.run),

-- ------------------------------------------------------------------------------------------------ which windows
nights as (
    select kept_nights.as_of_date, kept_nights.horizon_days
    from kept_nights
    cross join run
    where kept_nights.as_of_date < run.as_of
),

first_of_month as (
    select min(as_of_date) as as_of_date
    from nights
    group by date_trunc('month', as_of_date)
),

computed_before as (
    select distinct kept_outcomes.as_of_date, kept_outcomes.horizon_days
    from kept_outcomes
    cross join run
    where kept_outcomes.outcome_as_of_date < run.as_of
),

windows as (
    select
        nights.as_of_date,
        nights.horizon_days,
        false as is_backtest,
        nights.as_of_date + nights.horizon_days as window_end_date,
        night_totals.currency,
        night_totals.model_version,
        night_totals.run_id
    from nights
    cross join run
    left join night_totals
        on nights.as_of_date = night_totals.as_of_date and nights.horizon_days = night_totals.horizon_days
    left join computed_before
        on nights.as_of_date = computed_before.as_of_date and nights.horizon_days = computed_before.horizon_days
    where
        computed_before.as_of_date is null
        and (
            nights.as_of_date + nights.horizon_days <= run.as_of
            or nights.as_of_date in (select first_of_month.as_of_date from first_of_month)
        )
    union all
    select
        judged_totals.as_of_date,
        judged_totals.horizon_days,
        true,
        judged_totals.as_of_date + judged_totals.horizon_days,
        run.currency,
        null,
        null
    from judged_totals
    cross join run
    where judged_totals.as_of_date + judged_totals.horizon_days <= run.as_of
),

-- ------------------------------------------------------------------------------------------------ what was predicted
predictions as (
    select
        windows.as_of_date,
        windows.horizon_days,
        windows.is_backtest,
        windows.window_end_date,
        score_history.customer_id,
        score_history.predicted_spend::double as predicted_spend,
        score_history.predicted_spend_low::double as predicted_spend_low,
        score_history.predicted_spend_high::double as predicted_spend_high,
        score_history.purchase_probability::double as purchase_probability,
        score_history.baseline_spend::double as baseline_spend,
        score_history.baseline_probability::double as baseline_probability,
        score_history.score_status,
        score_history.segment,
        score_history.value_tier,
        windows.currency,
        windows.model_version,
        windows.run_id
    from windows
    inner join score_history
        on windows.as_of_date = score_history.as_of_date and windows.horizon_days = score_history.horizon_days
    where not windows.is_backtest
    union all by name
    select
        judged_windows.as_of_date,
        judged_windows.horizon_days,
        true as is_backtest,
        judged_windows.as_of_date + judged_windows.horizon_days as window_end_date,
        judged_windows.customer_id,
        round(judged_windows.predicted_spend, 2) as predicted_spend,
        judged_windows.predicted_spend_low,
        judged_windows.predicted_spend_high,
        judged_windows.purchase_probability,
        judged_windows.baseline_spend,
        judged_windows.baseline_probability,
        judged_windows.score_status,
        null::varchar as segment,
        null::varchar as value_tier,
        run.currency,
        null::varchar as model_version,
        null::varchar as run_id
    from judged_windows
    cross join run
    where judged_windows.as_of_date + judged_windows.horizon_days <= run.as_of
),

-- a merged customer's orders are the survivor's: they count once, for the one with the highest prediction
of_persons as (
    select
        predictions.*,
        coalesce(identities.surviving_customer_id, predictions.customer_id) as person_id,
        row_number() over (
            partition by
                predictions.as_of_date, predictions.horizon_days, predictions.is_backtest,
                coalesce(identities.surviving_customer_id, predictions.customer_id)
            order by predictions.predicted_spend desc, predictions.customer_id
        ) = 1 as has_orders
    from predictions
    left join identities on predictions.customer_id = identities.customer_id
),

ranked as (
    select
        of_persons.* exclude (value_tier),
        coalesce(customers.acquisition_channel, 'unknown') as channel,
        of_persons.score_status = 'no_purchase_yet' as is_prospect,
        ntile(10) over (
            partition by of_persons.as_of_date, of_persons.horizon_days, of_persons.is_backtest, of_persons.score_status = 'no_purchase_yet'
            order by of_persons.predicted_spend desc, of_persons.customer_id
        ) as decile,
        case
            when not of_persons.is_backtest then of_persons.value_tier
            -- the tiers of a published night, by rank
            when cume_dist() over (
                partition by of_persons.as_of_date, of_persons.horizon_days, of_persons.is_backtest
                order by of_persons.predicted_spend desc, of_persons.customer_id
            ) <= 0.05 then 'A'
            when cume_dist() over (
                partition by of_persons.as_of_date, of_persons.horizon_days, of_persons.is_backtest
                order by of_persons.predicted_spend desc, of_persons.customer_id
            ) <= 0.20 then 'B'
            when cume_dist() over (
                partition by of_persons.as_of_date, of_persons.horizon_days, of_persons.is_backtest
                order by of_persons.predicted_spend desc, of_persons.customer_id
            ) <= 0.50 then 'C'
            else 'D'
        end as value_tier
    from of_persons
    left join customers on of_persons.person_id = customers.customer_id
    -- withdrawn consent
    where coalesce(customers.has_profiling_consent, true)
),

-- ------------------------------------------------------------------------------------------------ what happened
spent as (
    select
        windows.as_of_date,
        windows.horizon_days,
        windows.is_backtest,
        customer_day.customer_id,
        sum(customer_day.net_spend)::double as spend,
        bool_or(customer_day.is_purchase_day) as is_buyer
    from windows
    cross join run
    inner join customer_day
        on customer_day.order_date >= windows.as_of_date
        and customer_day.order_date < least(windows.window_end_date, run.as_of)
    group by windows.as_of_date, windows.horizon_days, windows.is_backtest, customer_day.customer_id
),

results as (
    select
        ranked.*,
        case when ranked.has_orders then coalesce(spent.spend, 0) else 0 end as actual_spend,
        (ranked.has_orders and coalesce(spent.is_buyer, false))::integer as is_buyer,
        -- what chance makes of one customer: a purchase or none, and its size, whose logarithm deviates by .9 among buyers
        power(ranked.predicted_spend, 2) * (exp(0.81) / greatest(ranked.purchase_probability, 0.01) - 1) as variance
    from ranked
    left join spent
        on ranked.as_of_date = spent.as_of_date
        and ranked.horizon_days = spent.horizon_days
        and ranked.is_backtest = spent.is_backtest
        and ranked.person_id = spent.customer_id
),

-- ------------------------------------------------------------------------------------------------ slices
kinds as (select unnest(['all', 'decile', 'tier', 'segment', 'status', 'channel']) as slice_kind),

sliced as (
    select
        results.*,
        kinds.slice_kind,
        case kinds.slice_kind
            when 'all' then 'all'
            when 'decile' then case when results.is_prospect then 'no_purchase_yet' else results.decile::varchar end
            when 'tier' then results.value_tier
            when 'segment' then results.segment
            when 'status' then results.score_status
            else results.channel
        end as own_slice
    from results
    cross join kinds
    where not (kinds.slice_kind = 'segment' and results.is_backtest)
),

sizes as (
    select
        as_of_date,
        horizon_days,
        is_backtest,
        slice_kind,
        own_slice,
        count(*) as members,
        sum(count(*)) filter (where count(*) < 5) over (
            partition by as_of_date, horizon_days, is_backtest, slice_kind
        ) as members_of_small,
        row_number() over (
            partition by as_of_date, horizon_days, is_backtest, slice_kind, count(*) < 5 order by count(*), own_slice
        ) as place
    from sliced
    group by as_of_date, horizon_days, is_backtest, slice_kind, own_slice
),

-- slices of fewer than five customers are pooled, with the next larger one if they are fewer than five together
pooled as (
    select
        sliced.*,
        sliced.slice_kind <> 'all'
        and (sizes.members < 5 or (sizes.place = 1 and coalesce(sizes.members_of_small, 5) < 5)) as is_pooled
    from sliced
    inner join sizes
        on sliced.as_of_date = sizes.as_of_date
        and sliced.horizon_days = sizes.horizon_days
        and sliced.is_backtest = sizes.is_backtest
        and sliced.slice_kind = sizes.slice_kind
        and sliced.own_slice = sizes.own_slice
),

members as (
    select
        * exclude (own_slice),
        case when is_pooled then 'other' else 'slice' end as row_kind,
        case when is_pooled then 'other' else own_slice end as slice_name
    from pooled
),

-- ranks for the Gini, ties at their mean rank; only of windows that are over
orders_of_members as (
    select
        members.as_of_date,
        members.horizon_days,
        members.is_backtest,
        members.slice_kind,
        members.row_kind,
        members.slice_name,
        members.actual_spend,
        rank() over by_actual + (count(*) over ties_actual - 1) / 2.0 as actual_rank,
        rank() over by_predicted + (count(*) over ties_predicted - 1) / 2.0 as predicted_rank,
        rank() over by_baseline + (count(*) over ties_baseline - 1) / 2.0 as baseline_rank
    from members
    cross join run
    where members.window_end_date <= run.as_of
    window
        by_actual as (
            partition by
                members.as_of_date, members.horizon_days, members.is_backtest, members.slice_kind, members.row_kind, members.slice_name
            order by members.actual_spend
        ),
        ties_actual as (
            partition by
                members.as_of_date, members.horizon_days, members.is_backtest, members.slice_kind, members.row_kind, members.slice_name,
                members.actual_spend
        ),
        by_predicted as (
            partition by
                members.as_of_date, members.horizon_days, members.is_backtest, members.slice_kind, members.row_kind, members.slice_name
            order by members.predicted_spend
        ),
        ties_predicted as (
            partition by
                members.as_of_date, members.horizon_days, members.is_backtest, members.slice_kind, members.row_kind, members.slice_name,
                members.predicted_spend
        ),
        by_baseline as (
            partition by
                members.as_of_date, members.horizon_days, members.is_backtest, members.slice_kind, members.row_kind, members.slice_name
            order by members.baseline_spend
        ),
        ties_baseline as (
            partition by
                members.as_of_date, members.horizon_days, members.is_backtest, members.slice_kind, members.row_kind, members.slice_name,
                members.baseline_spend
        )
),

ginis as (
    select
        as_of_date,
        horizon_days,
        is_backtest,
        slice_kind,
        row_kind,
        slice_name,
        -- the Gini of an order, in the total, times the number of customers
        sum((2 * predicted_rank - count_of_slice - 1) * actual_spend) as predicted_order,
        sum((2 * baseline_rank - count_of_slice - 1) * actual_spend) as baseline_order,
        sum((2 * actual_rank - count_of_slice - 1) * actual_spend) as best_order
    from (
        select
            *,
            count(*) over (
                partition by as_of_date, horizon_days, is_backtest, slice_kind, row_kind, slice_name
            ) as count_of_slice
        from orders_of_members
    ) as counted
    group by as_of_date, horizon_days, is_backtest, slice_kind, row_kind, slice_name
),

sums as (
    select
        as_of_date,
        horizon_days,
        is_backtest,
        slice_kind,
        row_kind,
        slice_name,
        any_value(window_end_date) as window_end_date,
        count(*) as customers,
        sum(predicted_spend::decimal(18, 2)) as predicted_spend,
        sum(actual_spend::decimal(18, 2)) as actual_spend,
        sum(baseline_spend) as baseline_spend,
        sum(purchase_probability) as expected_buyers,
        sum(is_buyer) as actual_buyers,
        sum(variance) as variance,
        avg((
            greatest(actual_spend, 0) between predicted_spend_low - 0.005 and predicted_spend_high + 0.005
        )::integer) as share_inside,
        -- half of the last digit that is kept of a probability
        avg(-case
            when is_buyer = 1 then ln(greatest(purchase_probability, 0.00005)) else ln(greatest(1 - purchase_probability, 0.00005))
        end) as log_loss,
        avg(-case
            when is_buyer = 1 then ln(greatest(baseline_probability, 0.00005)) else ln(greatest(1 - baseline_probability, 0.00005))
        end) filter (where baseline_probability is not null) as baseline_log_loss,
        any_value(currency) as currency,
        any_value(model_version) as model_version,
        any_value(run_id) as run_id
    from members
    group by as_of_date, horizon_days, is_backtest, slice_kind, row_kind, slice_name
),

-- ------------------------------------------------------------------------------------------------ intervals of totals
totals as (
    select as_of_date, horizon_days, false as is_backtest, predicted_spend, predicted_spend_low, predicted_spend_high, season_factor
    from night_totals
    union all
    select as_of_date, horizon_days, true, predicted_spend, predicted_spend_low, predicted_spend_high, season_factor
    from judged_totals
),

-- the logarithm of the upper end over the total: that of all customers, wider by what chance makes of fewer of them
reaches as (
    select
        sums.*,
        totals.season_factor,
        -- to the cent as it was published, where nobody left since
        case when sums.slice_kind = 'all' and sums.predicted_spend = totals.predicted_spend then totals.predicted_spend_low end
            as published_low,
        case when sums.slice_kind = 'all' and sums.predicted_spend = totals.predicted_spend then totals.predicted_spend_high end
            as published_high,
        sqrt(
            power(ln(totals.predicted_spend_high / nullif(totals.predicted_spend, 0)), 2)
            + power(1.645, 2) * greatest(
                ln(1 + sums.variance / nullif(power(sums.predicted_spend::double, 2), 0))
                - ln(1 + whole.variance / nullif(power(whole.predicted_spend::double, 2), 0)),
                0
            )
        ) as reach
    from sums
    inner join sums as whole
        on sums.as_of_date = whole.as_of_date
        and sums.horizon_days = whole.horizon_days
        and sums.is_backtest = whole.is_backtest
        and whole.slice_kind = 'all'
    left join totals
        on sums.as_of_date = totals.as_of_date
        and sums.horizon_days = totals.horizon_days
        and sums.is_backtest = totals.is_backtest
),

-- ------------------------------------------------------------------------------------------------ open windows
daily as (
    select order_date, sum(net_spend)::double as spend
    from customer_day
    group by order_date
),

first_day as (select min(order_date) as first_order_date from daily),

buyers_since as (
    select customer_id, min(order_date) as first_purchase_date
    from customer_day
    where is_purchase_day
    group by customer_id
),

-- the share of the window's spend that came by the same day, in the same weeks a year before, among customers known then
last_year as (
    select
        windows.as_of_date,
        windows.horizon_days,
        (sum(customer_day.net_spend) filter (where customer_day.order_date + 364 < run.as_of))::double as so_far,
        sum(customer_day.net_spend)::double as whole
    from windows
    cross join run
    cross join first_day
    inner join customer_day
        on customer_day.order_date + 364 >= windows.as_of_date and customer_day.order_date + 364 < windows.window_end_date
    inner join buyers_since
        on customer_day.customer_id = buyers_since.customer_id and buyers_since.first_purchase_date + 364 < windows.as_of_date
    where
        windows.window_end_date > run.as_of
        and windows.horizon_days <= 364
        and first_day.first_order_date + 364 + least(windows.horizon_days, 90) <= windows.as_of_date
    group by windows.as_of_date, windows.horizon_days
),

expected as (
    select
        reaches.*,
        reaches.window_end_date <= run.as_of as is_closed,
        case
            when reaches.window_end_date <= run.as_of then 'closed'
            when last_year.whole > 0 and last_year.so_far > 0 then 'last_year'
            else 'days'
        end as expected_share_basis,
        case
            when reaches.window_end_date <= run.as_of then 1.0
            when last_year.whole > 0 and last_year.so_far > 0 then least(last_year.so_far / last_year.whole, 1.0)
            else (run.as_of - reaches.as_of_date) / reaches.horizon_days::double
        end as expected_share
    from reaches
    cross join run
    left join last_year
        on not reaches.is_backtest
        and reaches.as_of_date = last_year.as_of_date
        and reaches.horizon_days = last_year.horizon_days
),

-- ------------------------------------------------------------------------------------------------ season, level, mix
-- the window's share of its year's sales, this year and last: known only where a season was used, and with two years of sales
seasons as (
    select
        windows.as_of_date,
        windows.horizon_days,
        windows.is_backtest,
        sum(daily.spend) filter (where daily.order_date >= windows.as_of_date and daily.order_date < windows.window_end_date) as own,
        sum(daily.spend) filter (
            where daily.order_date >= windows.window_end_date - 364 and daily.order_date < windows.window_end_date
        ) as own_year,
        sum(daily.spend) filter (
            where daily.order_date >= windows.as_of_date - 364 and daily.order_date < windows.window_end_date - 364
        ) as earlier,
        sum(daily.spend) filter (
            where daily.order_date >= windows.window_end_date - 728 and daily.order_date < windows.window_end_date - 364
        ) as earlier_year
    from windows
    cross join run
    cross join first_day
    inner join daily
        on daily.order_date >= windows.window_end_date - 728 and daily.order_date < windows.window_end_date
    where
        windows.window_end_date <= run.as_of
        and windows.horizon_days < 364
        and first_day.first_order_date <= windows.window_end_date - 728
    group by windows.as_of_date, windows.horizon_days, windows.is_backtest
),

decile_ratios as (
    select
        sums.as_of_date,
        sums.horizon_days,
        sums.is_backtest,
        median(sums.actual_spend::double / sums.predicted_spend::double) as middle
    from sums
    inner join sums as whole
        on sums.as_of_date = whole.as_of_date
        and sums.horizon_days = whole.horizon_days
        and sums.is_backtest = whole.is_backtest
        and whole.slice_kind = 'all'
    where sums.slice_kind = 'decile' and sums.row_kind = 'slice' and sums.predicted_spend >= 0.01 * whole.predicted_spend
        and sums.predicted_spend > 0
    group by sums.as_of_date, sums.horizon_days, sums.is_backtest
),

split as (
    select
        expected.as_of_date,
        expected.horizon_days,
        expected.is_backtest,
        ln(expected.actual_spend::double / expected.predicted_spend::double) as log_error,
        case
            when expected.season_factor is not null and seasons.own > 0 and seasons.earlier > 0
                and seasons.own_year > 0 and seasons.earlier_year > 0
                then ln(seasons.own / seasons.own_year * seasons.earlier_year / seasons.earlier)
        end as season,
        case
            when decile_ratios.middle > 0
                then ln(expected.actual_spend::double / expected.predicted_spend::double) - ln(decile_ratios.middle)
        end as mix
    from expected
    left join seasons
        on expected.as_of_date = seasons.as_of_date
        and expected.horizon_days = seasons.horizon_days
        and expected.is_backtest = seasons.is_backtest
    left join decile_ratios
        on expected.as_of_date = decile_ratios.as_of_date
        and expected.horizon_days = decile_ratios.horizon_days
        and expected.is_backtest = decile_ratios.is_backtest
    where
        expected.slice_kind = 'all' and expected.is_closed
        and expected.actual_spend > 0 and expected.predicted_spend > 0
),

-- ------------------------------------------------------------------------------------------------ rows
computed as (
    select
        expected.as_of_date,
        expected.horizon_days,
        expected.is_backtest,
        expected.slice_kind,
        expected.row_kind,
        expected.slice_name,
        (row_number() over (
            partition by expected.as_of_date, expected.horizon_days, expected.is_backtest, expected.slice_kind
            order by expected.row_kind = 'other', try_cast(expected.slice_name as integer) nulls last, expected.slice_name
        ))::integer as position,
        expected.window_end_date,
        expected.is_closed,
        run.as_of as outcome_as_of_date,
        run.run_id as outcome_run_id,
        expected.customers,
        expected.expected_share::decimal(5, 4) as expected_share,
        expected.expected_share_basis,
        expected.predicted_spend::decimal(18, 2) as predicted_spend,
        (expected.predicted_spend * expected.expected_share)::decimal(18, 2) as expected_spend,
        -- part of a window scatters more than the whole
        coalesce(
            case when expected.is_closed then expected.published_low end,
            expected.predicted_spend * expected.expected_share * exp(-expected.reach / sqrt(expected.expected_share))
        )::decimal(18, 2) as expected_spend_low,
        coalesce(
            case when expected.is_closed then expected.published_high end,
            expected.predicted_spend * expected.expected_share * exp(expected.reach / sqrt(expected.expected_share))
        )::decimal(18, 2) as expected_spend_high,
        expected.actual_spend::decimal(18, 2) as actual_spend,
        case
            when expected.is_closed
                then expected.actual_spend between
                    coalesce(expected.published_low, expected.predicted_spend * exp(-expected.reach))::decimal(18, 2)
                    and coalesce(expected.published_high, expected.predicted_spend * exp(expected.reach))::decimal(18, 2)
        end as is_inside,
        case
            when expected.actual_spend > 0
                then (expected.predicted_spend::double * expected.expected_share / expected.actual_spend - 1)::decimal(18, 4)
        end as bias,
        case when expected.is_closed then expected.share_inside::decimal(5, 4) end as share_inside,
        (ginis.predicted_order / nullif(greatest(ginis.best_order, 0), 0))::decimal(9, 4) as gini,
        (expected.expected_buyers)::decimal(18, 2) as expected_buyers,
        expected.actual_buyers::bigint as actual_buyers,
        case when expected.is_closed then expected.log_loss::decimal(9, 4) end as log_loss,
        expected.baseline_spend::decimal(18, 2) as baseline_spend,
        case
            when expected.actual_spend > 0
                then (expected.baseline_spend * expected.expected_share / expected.actual_spend - 1)::decimal(18, 4)
        end as baseline_bias,
        case
            when expected.baseline_spend is not null
                then (ginis.baseline_order / nullif(greatest(ginis.best_order, 0), 0))::decimal(9, 4)
        end as baseline_gini,
        case when expected.is_closed then expected.baseline_log_loss::decimal(9, 4) end as baseline_log_loss,
        case when expected.slice_kind = 'all' then split.log_error::decimal(9, 4) end as log_error,
        case when expected.slice_kind = 'all' then split.season::decimal(9, 4) end as log_error_season,
        case
            when expected.slice_kind = 'all'
                then split.log_error::decimal(9, 4) - coalesce(split.season::decimal(9, 4), 0) - split.mix::decimal(9, 4)
        end::decimal(9, 4) as log_error_level,
        case when expected.slice_kind = 'all' then split.mix::decimal(9, 4) end as log_error_mix,
        expected.currency,
        expected.model_version,
        expected.run_id
    from expected
    cross join run
    left join ginis
        on expected.as_of_date = ginis.as_of_date
        and expected.horizon_days = ginis.horizon_days
        and expected.is_backtest = ginis.is_backtest
        and expected.slice_kind = ginis.slice_kind
        and expected.row_kind = ginis.row_kind
        and expected.slice_name = ginis.slice_name
    left join split
        on expected.as_of_date = split.as_of_date
        and expected.horizon_days = split.horizon_days
        and expected.is_backtest = split.is_backtest
),

kept as (
    select kept_outcomes.*
    from kept_outcomes
    cross join run
    left join windows
        on not windows.is_backtest
        and kept_outcomes.as_of_date = windows.as_of_date
        and kept_outcomes.horizon_days = windows.horizon_days
    where kept_outcomes.window_end_date <= run.as_of and windows.as_of_date is null
),

everything as (
    select * from computed
    union all by name
    select * from kept
)

select
    as_of_date,
    horizon_days,
    is_backtest,
    slice_kind,
    row_kind,
    slice_name,
    position,
    window_end_date,
    is_closed,
    outcome_as_of_date,
    outcome_run_id,
    customers,
    expected_share,
    expected_share_basis,
    predicted_spend,
    expected_spend,
    expected_spend_low,
    expected_spend_high,
    actual_spend,
    is_inside,
    bias,
    share_inside,
    gini,
    expected_buyers,
    actual_buyers,
    log_loss,
    baseline_spend,
    baseline_bias,
    baseline_gini,
    baseline_log_loss,
    log_error,
    log_error_season,
    log_error_level,
    log_error_mix,
    currency,
    model_version,
    run_id
from everything
order by as_of_date, horizon_days, is_backtest, slice_kind, row_kind, slice_name
