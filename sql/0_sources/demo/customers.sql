-- One row per CRM contact; read in full, so that an erased contact is noticed.
select
    customer_no as customer_id,
    created_ts as created_at,
    country_code as country,
    state_region as region,
    birth_year,
    case sex
        when 'F' then 'female'
        when 'M' then 'male'
        when 'X' then 'diverse'
        else sex
    end as gender,
    case source_code
        when 'SEA' then 'paid_search'
        when 'SOC' then 'social_ads'
        when 'AFF' then 'affiliate'
        when 'ORG' then 'organic'
        when 'REF' then 'referral'
        when 'MPL' then 'marketplace'
        when 'STO' then 'store'
        else source_code
    end as acquisition_channel,
    round(acquisition_cost_cents / 100.0, 2) as acquisition_cost,
    case loyalty_level
        when 0 then 'none'
        when 1 then 'bronze'
        when 2 then 'silver'
        when 3 then 'gold'
    end as loyalty_tier,
    email,
    profiling_ok = 'Y' as profiling_consent,
    merged_into_no as merged_into,
    changed_ts as updated_at
from crm_contact
