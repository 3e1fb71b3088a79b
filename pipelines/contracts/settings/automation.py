"""How far the system may go by itself, where a programme's own settings do not say."""

from pipelines.contracts.control_codes import Automation
from pipelines.contracts.settings.fields import Settings


class AutomationDefaults(Settings):
    """Levels by product.

    Attributes:
        default: Of products that are not named.
    """

    default: Automation | None = None
    journeys: Automation | None = None
    sequences: Automation | None = None
    personalization: Automation | None = None
