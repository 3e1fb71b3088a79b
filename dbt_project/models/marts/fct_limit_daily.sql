select
    workspace_id,
    night_on,
    limit_name,
    kind,
    limit_value,
    used_value,
    {{ rounded(quotient('used_value', 'limit_value')) }} as used_rate,
    turned_away_count,
    marginal_value
from {{ ref('stg_planning__limit_prices') }}
