with expected as (
    select
        workspace_id,
        night_on,
        sum(expected_spend_28d) as expected_spend_28d,
        sum(active_28d_probability) as expected_active_count
    from {{ ref('stg_enrichment__customer_value') }}
    group by workspace_id, night_on
),

stated as (
    select
        workspace_id,
        night_on,
        count(*) as trait_count,
        count(trait_value) as known_trait_count
    from {{ ref('stg_enrichment__traits') }}
    group by workspace_id, night_on
),

observed as (
    select
        workspace_id,
        night_on,
        count(*) as customer_count,
        {{ count_if('order_count > 0') }} as buyer_count,
        {{ count_if('order_count_28d > 0') }} as active_28d_count,
        sum(spend_28d_amount) as spend_28d_amount
    from {{ ref('stg_enrichment__customer_features') }}
    group by workspace_id, night_on
)

select
    observed.workspace_id,
    observed.night_on,
    {{ tally('observed.customer_count') }} as customer_count,
    observed.buyer_count,
    observed.active_28d_count,
    {{ money('observed.spend_28d_amount') }} as spend_28d_amount,
    {{ rounded('expected.expected_spend_28d') }} as expected_spend_28d,
    {{ rounded('expected.expected_active_count') }} as expected_active_28d_count,
    {{ tally('coalesce(stated.trait_count, 0)') }} as trait_count,
    {{ tally('coalesce(stated.known_trait_count, 0)') }} as known_trait_count
from observed
left join expected
    on
        observed.workspace_id = expected.workspace_id
        and observed.night_on = expected.night_on
left join stated
    on
        observed.workspace_id = stated.workspace_id
        and observed.night_on = stated.night_on
