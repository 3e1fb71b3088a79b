select
    workspace_id,
    as_of as night_on,
    limit_name,
    kind,
    limit_value,
    used_value,
    turned_away_count,
    price as marginal_value
from {{ source('planning', 'limit_prices') }}
