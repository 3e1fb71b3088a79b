select
    workspace_id,
    night_on,
    programme,
    {{ tally('count(*)') }} as decision_count,
    {{ tally('sum(candidate_count)') }} as candidate_count,
    {{ tally('sum(eligible_count)') }} as eligible_count,
    {{ count_if("outcome = 'planned'") }} as planned_count,
    {{ count_if("outcome = 'holdout'") }} as held_out_count,
    {{ rounded('sum(predicted_value)') }} as predicted_value,
    {{ rounded(quotient('sum(eligible_count)', 'sum(candidate_count)')) }} as eligible_rate
from {{ ref('stg_planning__decisions') }}
where product = '041-hyper-personalization-engine'
group by workspace_id, night_on, programme
