with standing as (
    select
        workspace_id,
        night_on,
        customer_id,
        count(*) as segment_count
    from {{ ref('stg_segmentation__memberships') }}
    where left_on is null
    group by workspace_id, night_on, customer_id
)

select
    features.workspace_id,
    features.customer_id,
    features.night_on,
    features.order_count,
    features.order_count_28d,
    features.spend_amount,
    features.spend_28d_amount,
    features.mean_order_amount,
    features.first_order_on,
    features.last_order_on,
    features.recency_days,
    features.rfm_recency_score,
    features.rfm_frequency_score,
    features.rfm_monetary_score,
    spend.expected_spend_28d,
    spend.expected_spend_365d,
    spend.active_28d_probability,
    spend.value_rank_rate,
    affinity.category as favourite_category,
    {{ tally('coalesce(standing.segment_count, 0)') }} as segment_count
from {{ ref('stg_enrichment__customer_features') }} as features
inner join {{ ref('int_nights__latest') }} as latest
    on
        features.workspace_id = latest.workspace_id
        and features.night_on = latest.night_on
left join {{ ref('stg_enrichment__customer_value') }} as spend
    on
        features.workspace_id = spend.workspace_id
        and features.night_on = spend.night_on
        and features.customer_id = spend.customer_id
left join {{ ref('stg_enrichment__product_affinity') }} as affinity
    on
        features.workspace_id = affinity.workspace_id
        and features.night_on = affinity.night_on
        and features.customer_id = affinity.customer_id
        and affinity.affinity_rank = 1
left join standing
    on
        features.workspace_id = standing.workspace_id
        and features.night_on = standing.night_on
        and features.customer_id = standing.customer_id
