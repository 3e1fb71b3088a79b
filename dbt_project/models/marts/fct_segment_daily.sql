with people as (
    select
        workspace_id,
        night_on,
        count(*) as customer_count
    from {{ ref('stg_enrichment__customer_features') }}
    group by workspace_id, night_on
)

select
    sizes.workspace_id,
    sizes.night_on,
    sizes.segment,
    sizes.member_count,
    sizes.entered_count,
    sizes.left_count,
    {{ rounded(quotient('sizes.member_count', 'people.customer_count')) }} as member_rate
from {{ ref('stg_segmentation__segment_sizes') }} as sizes
left join people
    on
        sizes.workspace_id = people.workspace_id
        and sizes.night_on = people.night_on
