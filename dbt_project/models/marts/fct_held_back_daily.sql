with decided as (
    select
        workspace_id,
        night_on,
        product,
        programme,
        count(*) as decision_count
    from {{ ref('stg_planning__decisions') }}
    group by workspace_id, night_on, product, programme
)

select
    held_back.workspace_id,
    held_back.night_on,
    held_back.product,
    held_back.programme,
    held_back.outcome,
    held_back.rule,
    held_back.decision_count as held_back_count,
    {{ tally('coalesce(decided.decision_count, 0)') }} as decision_count,
    {{ rounded(quotient('held_back.decision_count', 'decided.decision_count')) }} as held_back_rate
from {{ ref('stg_planning__held_back') }} as held_back
left join decided
    on
        held_back.workspace_id = decided.workspace_id
        and held_back.night_on = decided.night_on
        and held_back.product = decided.product
        and held_back.programme = decided.programme
