"""Closed lists: every code that a published table may carry, with its meaning."""

from enum import StrEnum


class Product(StrEnum):
    """The five products; the value is the slug in the API and in the control database."""

    CONNECTOR = "data-warehouse-connector"
    ENRICHMENT = "032-first-party-data-enrichment"
    JOURNEYS = "033-omnichannel-journey-orchestrator"
    SEQUENCING = "035-sequential-messaging-engine"
    PERSONALIZATION = "041-hyper-personalization-engine"


class Channel(StrEnum):
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    POST = "post"


class ConsentStatus(StrEnum):
    GRANTED = "granted"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


class ContactReason(StrEnum):
    """Why a person may or may not be contacted for a purpose on a channel."""

    GRANTED = "granted"
    NO_RECORD_ALLOWED = "no_record_allowed"  # `consent_without_record: allow`, with its written basis
    NO_RECORD_DENIED = "no_record_denied"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    NO_ADDRESS = "no_address"


class PriorityClass(StrEnum):
    """Hard class of a message: a lower class never displaces a higher one."""

    SERVICE = "service"
    LEGAL = "legal"
    MARKETING = "marketing"


class LossPolicy(StrEnum):
    """What becomes of a candidate that loses its place tonight."""

    DEFER = "defer"
    SKIP = "skip"
    FALLBACK = "fallback"  # its other templates are tried in their order; when all lose, it is deferred
    EXIT = "exit"  # the stay in the programme ends, with the rule as reason


class DecisionOutcome(StrEnum):
    """Why a candidate is in the plan, or why it is not. In the order in which the rules are tested."""

    PLANNED = "planned"
    KILL_SWITCH = "kill_switch"
    OVERRIDE = "override"  # a person forced the customer out, or another action in
    HOLDOUT = "holdout"
    NOT_CONTACTABLE = "not_contactable"
    EXCLUDED_SEGMENT = "excluded_segment"
    LATER_WAVE = "later_wave"  # the campaign has not reached the person yet
    OUT_OF_TIME = "out_of_time"  # no instant inside its validity is outside quiet hours
    NO_POSITIVE_VALUE = "no_positive_value"
    NO_SEND_DRAWN = "no_send_drawn"  # exploring: what it is compared with
    OTHER_ACTION_CHOSEN = "other_action_chosen"  # the same decision point took a better action
    FREQUENCY_CAP = "frequency_cap"
    MINIMUM_GAP = "minimum_gap"
    EXCLUSION = "exclusion"  # too close to a message that it must keep away from
    CAPACITY = "capacity"
    STOCK = "stock"
    BUDGET = "budget"


class EnrolmentStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    EXITED = "exited"


class TransitionReason(StrEnum):
    ENTERED = "entered"
    WAIT_OVER = "wait_over"
    PLANNED = "planned"
    HELD_OUT = "held_out"  # a ghost: advances as if the message had been sent
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    EXPIRED = "expired"
    ADVANCED = "advanced"
    COMPLETED = "completed"
    GOAL_REACHED = "goal_reached"
    EXIT_RULE = "exit_rule"
    LOST_PLACE = "lost_place"  # the message lost its place, and the stay ends with it
    NODE_REMOVED = "node_removed"  # the newest definition no longer has the node
    ERASED = "erased"


class DispatchStatus(StrEnum):
    """State of one message in the outbox."""

    PLANNED = "PLANNED"
    CLAIMED = "CLAIMED"
    SENT = "SENT"
    ACKED = "ACKED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    RECONCILED = "RECONCILED"  # unknown at first, found at the destination afterwards
    CANCELLED = "CANCELLED"  # kill switch, consent withdrawn, suppressed or erased after planning
    EXPIRED = "EXPIRED"
    DEAD = "DEAD"


class ReadMode(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"


class SourceStatus(StrEnum):
    """Whether tonight's rows of a source are tonight's."""

    FRESH = "fresh"
    STALE = "stale"  # it could not be read; the rows are those of an earlier night


class RemovalReason(StrEnum):
    """How it was found that a source no longer has a row; or that nobody reads the source any more."""

    FULL_READ = "full_read"
    KEY_RECONCILIATION = "key_reconciliation"
    FEED_REMOVED = "feed_removed"


class IdentifierKind(StrEnum):
    """What two source records of one person have in common."""

    LOYALTY_ID = "loyalty_id"
    EMAIL = "email"
    PHONE = "phone"
    LIKENESS = "likeness"  # nothing exactly; a trained model finds them alike


class LimitRule(StrEnum):
    """What keeps two records apart that have something in common."""

    BIRTH_DATE = "birth_date"
    LOYALTY_ID = "loyalty_id"
    AVERAGE_LINKAGE = "average_linkage"  # alike, but their groups on the whole are not


class IdentityEventKind(StrEnum):
    """How a person's id came, went, or got other records."""

    CREATED = "created"
    MERGED = "merged"  # an id went up into an older one
    SPLIT = "split"  # records left for a person who has a new id
    MOVED = "moved"  # records went over to a person who was there before
    RETIRED = "retired"  # no record of the person is left


class SurvivorshipRule(StrEnum):
    """What decided which record a golden value is taken from."""

    AGREED = "agreed"  # all records that have a value say the same
    WHOLE_ADDRESS = "whole_address"  # only one record has street, city and postcode
    VERIFIED = "verified"
    RECENT = "recent"
    FREQUENT = "frequent"
    FIRST = "first"  # a tie: the smallest record key


class Arm(StrEnum):
    TREATED = "treated"
    HOLDOUT = "holdout"
    NOT_SELECTED = "not_selected"


class TraitName(StrEnum):
    """Traits that enrichment publishes, and that a segment may refer to by name; values are text."""

    FAVOURITE_CATEGORY = "favourite_category"
    TOP_INTEREST = "top_interest"
    LIFECYCLE_STAGE = "lifecycle_stage"
    SHOPPING_RHYTHM = "shopping_rhythm"
    PRICE_SENSITIVITY = "price_sensitivity"
    VALUE_TIER = "value_tier"
    AGE_BAND = "age_band"
    INCOME_BAND = "income_band"
    HOME_OWNERSHIP = "home_ownership"
    HOUSEHOLD_SIZE = "household_size"
    KIDS_COUNT = "kids_count"


class RfmGroup(StrEnum):
    """Cells of the recency × frequency grid of quintiles, by the names that they are known by."""

    CHAMPIONS = "champions"
    LOYAL = "loyal"
    POTENTIAL_LOYALISTS = "potential_loyalists"
    NEWCOMERS = "newcomers"
    PROMISING = "promising"
    NEED_ATTENTION = "need_attention"
    ABOUT_TO_SLEEP = "about_to_sleep"
    AT_RISK = "at_risk"
    CANNOT_LOSE = "cannot_lose"
    HIBERNATING = "hibernating"


class MembershipChangeKind(StrEnum):
    """How a person's place in a segment changed."""

    ENTERED = "entered"
    LEFT = "left"


class ForecastModel(StrEnum):
    """What is forecast of a person for the 28 local days after the night."""

    SPEND_MEAN = "spend_mean"
    SPEND_MEDIAN = "spend_median"
    ACTIVITY = "activity"
    SOFT_CHURN = "soft_churn"
    NEXT_PURCHASE = "next_purchase"
    CAMPAIGN_RESPONSE = "campaign_response"


class Propensity(StrEnum):
    """Chances that are published per person."""

    ACTIVE_28D = "active_28d"
    SOFT_CHURN_28D = "soft_churn_28d"
    CAMPAIGN_RESPONSE = "campaign_response"


class ItemLevel(StrEnum):
    """How finely what people buy is told apart."""

    CATEGORY = "category"
    # products of one name: in a catalogue of sizes and makers, the product type
    PRODUCT_NAME = "product_name"
    PRODUCT = "product"


class ItemMethod(StrEnum):
    """How it was found that a person may buy an item."""

    DECAYED_FREQUENCY = "decayed_frequency"  # bought before
    ITEM_SIMILARITY = "item_similarity"  # never bought, goes with what was bought
    POPULARITY = "popularity"  # never bought, and too few people to compare items


class RhythmKind(StrEnum):
    """What a rhythm is of."""

    HOUR = "hour"  # slots 0 to 23
    WEEKDAY = "weekday"  # slots 0, Monday, to 6


class LifecycleStage(StrEnum):
    """Where the relation with a person stands, by their own rhythm of buying."""

    PROSPECT = "prospect"
    NEW = "new"
    ACTIVE = "active"
    SLIPPING = "slipping"
    LAPSED = "lapsed"
    REACTIVATED = "reactivated"


class LabelReason(StrEnum):
    """Why a product has the interest that it has, or none."""

    NEAREST = "nearest"  # the topic that its texts are most like
    TOO_FAR = "too_far"  # like no topic
    ANSWERED = "answered"  # what a language model said
    NO_TEXT = "no_text"
    EXCLUDED = "excluded"  # no goods: a coupon, a deposit
    SENSITIVE = "sensitive"  # about something that is nobody's business


class AnswerProblem(StrEnum):
    """Why a language model's answer was not used, and the offline label stands."""

    LOOKS_PERSONAL = "looks_personal"  # the text was never sent
    LIMIT_REACHED = "limit_reached"  # of tonight's requests, tokens or money
    OUT_OF_TIME = "out_of_time"  # the time for all texts of the night is over
    STOPPED = "stopped"  # too many failures in a row, or one that another attempt cannot mend
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    BUSY = "busy"  # status 429
    FAILED = "failed"  # status 5xx
    REFUSED = "refused"  # any other status
    MALFORMED = "malformed"  # no JSON, or not of the form that was asked for
    UNKNOWN_CHOICE = "unknown_choice"  # an interest that is not configured
